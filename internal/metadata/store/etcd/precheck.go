package etcd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap"

	"ottla.dev/ottla/internal/metadata/store"
)

// precheck tells whether the directory holds a member. It looks at what etcd would answer with a panic in a goroutine of
// its own, which nobody can recover from, or with silently beginning anew: a database that is not one, or one whose log
// is gone. A first start that was killed before there was anything to lose is swept away.
func precheck(dir string, log *zap.Logger) (isMember bool, err error) {
	member := filepath.Join(dir, "member")
	logs, err := filepath.Glob(filepath.Join(member, "wal", "*.wal"))
	if err != nil {
		return false, err
	}
	_, walErr := os.Stat(filepath.Join(member, "wal"))
	hasKeys, err := checkDatabase(filepath.Join(member, "snap", "db"))
	switch {
	case err != nil:
		return false, fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	case len(logs) > 0:
		return true, checkLog(filepath.Join(member, "wal"), log)
	case walErr == nil:
		return false, fmt.Errorf("%w: the log files in member/wal are missing", store.ErrCorrupt)
	case hasKeys:
		return false, fmt.Errorf("%w: member/wal is missing", store.ErrCorrupt)
	}
	return false, os.RemoveAll(member)
}

// checkLog reads the write-ahead log through. Every sound one has a snapshot entry, be it that of its beginning.
func checkLog(dir string, log *zap.Logger) error {
	snapshots, err := wal.ValidSnapshotEntries(log, dir)
	if err == nil && len(snapshots) == 0 {
		err = errors.New("no snapshot entry is left")
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", store.ErrCorrupt, dir, err)
	}
	return nil
}

// checkDatabase opens etcd's database for a moment and tells whether it holds any key.
func checkDatabase(path string) (hasKeys bool, err error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v", path, p)
		}
	}()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: false})
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		if keys := tx.Bucket([]byte("key")); keys != nil {
			first, _ := keys.Cursor().First()
			hasKeys = first != nil
		}
		return nil
	})
	return hasKeys, err
}
