package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"ottla.dev/ottla/internal/config/storageformat"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/kraft"
	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/metadata/store/etcd"
	"ottla.dev/ottla/internal/storage"
	"ottla.dev/ottla/internal/vfs"
)

// ExportOptions say whose metadata goes to Apache Kafka.
type ExportOptions struct {
	LogDirs     []string // of a node that does not run
	MetadataDir string   // metadata.log.dir; "": the first of LogDirs
	// Controller is the listener of the node as the only voter of a dynamic quorum (kraft.version 1), for a Kafka without
	// controller.quorum.voters. nil: what the metadata log or the formatting said before, else static voters.
	Controller *storageformat.Voter
	DryRun     bool // tell what would be written, and change nothing
	Logger     *slog.Logger
	Now        time.Time
}

// Exported tells what ExportMetadata wrote.
type Exported struct {
	Snapshot     string `json:"snapshot"` // its file
	Kept         string `json:"kept"`     // where Ottla's own metadata lies now
	ClusterID    string `json:"cluster_id"`
	NodeID       int32  `json:"node_id"`
	Topics       int    `json:"topics"`
	Partitions   int    `json:"partitions"`
	EndOffset    int64  `json:"end_offset"`
	StaticVoters bool   `json:"static_voters"` // Apache Kafka needs controller.quorum.voters
	DryRun       bool   `json:"dry_run,omitempty"`
}

// ExportMetadata gives the metadata of a stopped node to Apache Kafka: a snapshot at the end of the log __cluster_metadata-0, with which its
// controller begins. Ottla's own goes into that directory, out of the way of Kafka's brokers, which take every directory beside the logs for
// a log. From then on the metadata is Kafka's: a later start of Ottla takes it over again.
func ExportMetadata(ctx context.Context, o ExportOptions) (*Exported, error) {
	if o.MetadataDir == "" {
		o.MetadataDir = o.LogDirs[0]
	}
	own := filepath.Join(o.MetadataDir, metadataDir)
	if _, err := os.Stat(own); err != nil {
		return nil, fmt.Errorf("no metadata of Ottla: %w", err)
	}
	meta, err := storage.ReadMetaProperties(vfs.OS, o.LogDirs[0])
	if err == nil {
		err = checkMark(o.MetadataDir)
	}
	if err != nil {
		return nil, err
	}
	locks, err := storage.LockDirs(storage.LockOptions{Dirs: o.LogDirs, NodeID: meta.NodeID, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	defer locks.Close()
	img, err := readImage(ctx, own, o.Logger)
	if err != nil {
		return nil, err
	}
	if img.ClusterID == "" || img.ClusterID != locks.ClusterID() {
		return nil, fmt.Errorf("the metadata in %s is of the cluster %q, and the log directories are of %q", own, img.ClusterID, locks.ClusterID())
	}
	directory, err := formatMetadataDir(o, meta)
	if err != nil {
		return nil, err
	}
	log, err := exportedLog(o, img, meta.NodeID, directory)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(o.MetadataDir, kraft.LogDir, kraft.SnapshotID{Offset: log.End, Epoch: log.Epoch}.FileName())
	kept := filepath.Join(o.MetadataDir, kraft.LogDir, metadataDir)
	done := &Exported{Snapshot: name, Kept: kept, ClusterID: img.ClusterID, NodeID: meta.NodeID, Topics: img.NumTopics(), Partitions: img.NumPartitions(),
		EndOffset: log.End, StaticVoters: log.KRaftVersion == 0, DryRun: o.DryRun}
	if o.DryRun {
		return done, nil
	}
	// From here on Kafka's log is not what was taken over; an export that is interrupted can be done again.
	if err := os.Remove(filepath.Join(own, markFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := errors.Join(vfs.OS.SyncDir(own), writeSnapshot(log, name, o.Now)); err != nil {
		return nil, err
	}
	return done, handOver(own, kept)
}

// formatMetadataDir gives a metadata.log.dir of its own the meta.properties that Apache Kafka wants in each of its directories, and returns
// the directory's id.
func formatMetadataDir(o ExportOptions, meta storage.MetaProperties) (metadata.UUID, error) {
	there, err := storage.ReadMetaProperties(vfs.OS, o.MetadataDir)
	if !errors.Is(err, fs.ErrNotExist) {
		return there.DirectoryID, err
	}
	id := storageformat.NewUUID()
	directory, err := storageformat.ParseUUID(id)
	if err != nil || o.DryRun {
		return directory, err
	}
	p := storageformat.MetaProperties{Version: 1, ClusterID: meta.ClusterID, NodeID: meta.NodeID, DirectoryID: id}
	return directory, writeSynced(filepath.Join(o.MetadataDir, storageformat.MetaPropertiesFile), p.Format(o.Now))
}

// readImage reads the metadata of a node that does not run.
func readImage(ctx context.Context, dir string, logger *slog.Logger) (*metadata.Image, error) {
	backend, err := etcd.Open(ctx, etcd.Embedded{Dir: dir, Log: logger})
	if err != nil {
		return nil, err
	}
	s := store.New(backend)
	img, err := s.Load(ctx)
	return img, errors.Join(err, s.Close())
}

// exportedLog decides what is written.
func exportedLog(o ExportOptions, img *metadata.Image, id int32, directory metadata.UUID) (*kraft.Log, error) {
	disk, err := surveyDirs(vfs.OS, o.LogDirs, id)
	if err != nil {
		return nil, err
	}
	before, err := readMetadataLog(o.MetadataDir)
	if err != nil {
		return nil, err
	}
	others, err := defaultLevels(img.Features[metadata.MetadataVersion])
	if err != nil {
		return nil, err
	}
	log := kraft.Export(img, disk, before, others)
	if o.Controller != nil {
		voter := *o.Controller
		voter.ID, voter.DirectoryID = id, storageformat.FormatUUID(directory)
		log.KRaftVersion, log.Voters = 1, []storageformat.Voter{voter}
	}
	return log, nil
}

// defaultLevels are the levels that Apache Kafka gives a new cluster of a metadata version.
func defaultLevels(level int16) (map[string]int16, error) {
	version, err := storageformat.MetadataVersionOf(level)
	if err != nil {
		return nil, err
	}
	levels := map[string]int16{}
	for _, f := range storageformat.Features() {
		if l := f.DefaultLevel(version); l > 0 && f.Name != "kraft.version" {
			levels[f.Name] = l
		}
	}
	return levels, nil
}

// writeSnapshot makes the file durable under its name: whole, and only after it was read back.
func writeSnapshot(log *kraft.Log, name string, now time.Time) error {
	data, err := log.AppendSnapshot(nil, now)
	if err != nil {
		return err
	}
	again, err := kraft.ReadSnapshot(bytes.NewReader(data), kraft.SnapshotID{Offset: log.End, Epoch: log.Epoch})
	if err != nil {
		return fmt.Errorf("the snapshot does not read back: %w", err)
	}
	if len(again.State.Topics) != len(log.State.Topics) {
		return fmt.Errorf("the snapshot reads back with %d topics instead of %d", len(again.State.Topics), len(log.State.Topics))
	}
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	draft := name + ".part" // Kafka's own ending for what is not complete
	if err := writeSynced(draft, data); err != nil {
		return err
	}
	if err := os.Rename(draft, name); err != nil {
		return err
	}
	return errors.Join(vfs.OS.SyncDir(dir), vfs.OS.SyncDir(filepath.Dir(dir)))
}

func writeSynced(name string, data []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = bytes.NewReader(data).WriteTo(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// handOver moves Ottla's metadata out of the way; what an earlier export left there goes.
func handOver(own, kept string) error {
	if _, err := os.Stat(kept); !errors.Is(err, fs.ErrNotExist) {
		if err := os.RemoveAll(kept); err != nil {
			return err
		}
	}
	if err := os.Rename(own, kept); err != nil {
		return err
	}
	return errors.Join(vfs.OS.SyncDir(filepath.Dir(own)), vfs.OS.SyncDir(filepath.Dir(kept)))
}
