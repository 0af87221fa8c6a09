package node_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/storage"
	"ottla.dev/ottla/internal/vfs"
)

// TestDirectoryThatDoesNotTell opens a directory on the machine's disk that was not closed in order, and has no note of who had it, as one of Apache Kafka. When it was
// changed tells whether the machine went down since.
func TestDirectoryThatDoesNotTell(t *testing.T) {
	if _, ok := vfs.Uptime(vfs.OS); !ok {
		t.Skip("the system does not tell for how long it has been up")
	}
	for _, test := range []struct {
		name     string
		changed  time.Time
		wentDown bool
	}{{"changed since", time.Now(), false}, {"changed before", time.Unix(1, 0), true}} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			b := startAt(t, dir, "127.0.0.1:0")
			p := client(t, b, kgo.TransactionalID("id"))
			transact(t, p, kgo.TryCommit, []string{"x"}, "v")
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{".kafka_cleanshutdown", "ottla-start"} {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chtimes(dir, test.changed, test.changed); err != nil {
				t.Fatal(err)
			}
			b = startAt(t, dir, "127.0.0.1:0")
			defer b.Close()
			note, err := storage.ReadStartNote(vfs.OS, dir)
			if err != nil {
				t.Fatal(err)
			}
			if (note.LostBelow > 0) != test.wentDown || note.BootID == "" || note.BootID != vfs.BootID(vfs.OS) {
				t.Errorf("noted: %+v", note)
			}
		})
	}
}
