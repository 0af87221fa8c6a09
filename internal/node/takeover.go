package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/kraft"
	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/storage"
	"ottla.dev/ottla/internal/vfs"
)

// takeOver brings the metadata of Apache Kafka's own log in dir into the store where that holds none yet: so a data directory of Apache
// Kafka opens with its topics. It happens once. The cluster's id is stored after everything else, so that a start which was interrupted
// does it again; Kafka's log stays as it is.
func (n *Node) takeOver(ctx context.Context, dir string) error {
	img, err := n.store.Load(ctx)
	if err != nil {
		return err
	}
	if img.ClusterID != "" {
		return checkMark(dir)
	}
	disk, err := surveyDirs(n.options.FS, n.options.Config.LogDirs(), n.options.Config.NodeID())
	if err != nil {
		return err
	}
	log, err := readMetadataLog(dir)
	if err != nil {
		return err
	}
	if log == nil || log.State.Empty() {
		return n.refuseWithoutMetadata(dir, disk)
	}
	im, err := n.decideImport(dir, log, disk)
	if err != nil {
		return err
	}
	if err := writeMark(dir, log.State); err != nil {
		return err
	}
	if err := storeImport(ctx, n.store, n.options.Config.NodeID(), n.locks.ClusterID(), img, im.Records); err != nil {
		return fmt.Errorf("taking over the metadata of %s: %w", filepath.Join(dir, kraft.LogDir), err)
	}
	n.tellImport(dir, log, im)
	return nil
}

// surveyDirs tells what lies in the log directories that can be read.
func surveyDirs(fsys vfs.FS, dirs []string, id int32) (kraft.Node, error) {
	n := kraft.Node{ID: id, Directories: map[metadata.UUID]bool{}, Placed: map[kraft.TopicPartition]metadata.UUID{}}
	for _, dir := range dirs {
		meta, err := storage.ReadMetaProperties(fsys, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			continue // it is offline, and who opens it says so
		}
		if err == nil && meta.DirectoryID != [16]byte{} {
			n.Directories[meta.DirectoryID] = true
		}
		entries, err := fsys.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			tp, err := storage.ParseTopicPartition(e.Name)
			if !e.IsDir || err != nil || e.Name == kraft.LogDir {
				continue
			}
			n.Placed[kraft.TopicPartition{Topic: tp.Topic, Partition: tp.Partition}] = meta.DirectoryID
		}
	}
	return n, nil
}

// readMetadataLog reads Kafka's metadata log in a directory; nil where there is none.
func readMetadataLog(dir string) (*kraft.Log, error) {
	path := filepath.Join(dir, kraft.LogDir)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	log, err := kraft.Read(os.DirFS(path))
	var damaged *kraft.DamagedError
	var unknown *kraft.UnknownError
	switch {
	case errors.As(err, &damaged):
		return nil, fmt.Errorf("the metadata of Apache Kafka in %s cannot be taken over: %w. Start Apache Kafka on the directory, which repairs or names it, stop it in order and try again; or restore the file from a copy", dir, err)
	case errors.As(err, &unknown):
		return nil, fmt.Errorf("the metadata of Apache Kafka in %s cannot be taken over: %w. It takes a newer version of Ottla", dir, err)
	case err != nil:
		return nil, fmt.Errorf("the metadata of Apache Kafka in %s: %w", dir, err)
	}
	return log, nil
}

// refuseWithoutMetadata refuses log directories with partitions of a cluster that nothing is known of: their topics would be made anew
// under the same names, beside the logs that are there.
func (n *Node) refuseWithoutMetadata(dir string, disk kraft.Node) error {
	if n.locks.ClusterID() == "" || len(disk.Placed) == 0 {
		return nil
	}
	return fmt.Errorf("the log directories hold %d partitions of the cluster %s, but there is no metadata that tells of their topics: neither %s nor %s is in %s. "+
		"If it is in another directory, name that with metadata.log.dir; a directory of a broker without it cannot be taken over; to begin without the partitions, move them away",
		len(disk.Placed), n.locks.ClusterID(), metadataDir, kraft.LogDir, dir)
}

// decideImport checks whose metadata it is, and turns it into records.
func (n *Node) decideImport(dir string, log *kraft.Log, disk kraft.Node) (*kraft.Import, error) {
	path := filepath.Join(dir, kraft.LogDir)
	id := n.options.Config.NodeID()
	if n.locks.ClusterID() == "" {
		return nil, fmt.Errorf("%s holds the metadata of a cluster, but no log directory has a meta.properties that tells of which, and for which node: restore that file", path)
	}
	if log.State.Brokers[id] == nil && len(log.State.Topics) > 0 {
		return nil, fmt.Errorf("%s is of a cluster that has no broker %d: a controller's directory has no partitions to take over", path, id)
	}
	im, err := log.State.Import(disk)
	if err != nil {
		return nil, fmt.Errorf("the metadata in %s cannot be taken over: %w", path, err)
	}
	return im, nil
}

// importLease bounds how long another process of this node would have to wait; it takes the election over without waiting.
const importLease = 10 * time.Second

// storeImport stores the records, and then the cluster's id.
func storeImport(ctx context.Context, s *store.Store, id int32, clusterID string, before *metadata.Image, records []metadata.Record) (err error) {
	lease, err := s.Lease(ctx, importLease)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Revoke(ctx)) }()
	term, err := s.Campaign(ctx, lease, id)
	if err != nil {
		return err
	}
	after, err := proposeAll(ctx, s, term, before, records)
	if err != nil {
		return err
	}
	whole, delta, err := after.Apply(after.Revision, metadata.ClusterRecord{ClusterID: clusterID})
	if err != nil {
		return err
	}
	if _, err := s.Propose(ctx, term, whole, delta); err != nil {
		return err
	}
	return s.Resign(ctx, term)
}

// proposeAll stores the difference between what is there, be it nothing or half of an interrupted import, and what the records come to.
func proposeAll(ctx context.Context, s *store.Store, term *store.Term, before *metadata.Image, records []metadata.Record) (*metadata.Image, error) {
	after, _, err := metadata.Empty().Apply(before.Revision, records...)
	if err != nil {
		return nil, err
	}
	_, err = s.Propose(ctx, term, after, metadata.Compare(before, after))
	return after, err
}

// tellImport says what was taken over, and what was not.
func (n *Node) tellImport(dir string, log *kraft.Log, im *kraft.Import) {
	// It happens once, and a node shows warnings only unless it is asked for more.
	n.logger.Warn("took over the metadata of Apache Kafka; its log is left as it was, and what changes from now on is not in it",
		"log", filepath.Join(dir, kraft.LogDir), "end_offset", log.End, "topics", im.Topics, "partitions", im.Partitions, "configs", im.Configs, "producer_ids_from", log.State.NextProducerID)
	if log.TornBytes > 0 || log.OpenTransaction > 0 {
		n.logger.Warn("the metadata log ends with what was not finished; it is passed over, as Apache Kafka does", "bytes", log.TornBytes, "records_of_a_transaction", log.OpenTransaction)
	}
	if len(im.Features) > 0 {
		n.logger.Warn("features that the cluster has finalized and this version does not serve at that level", "features", strings.Join(im.Features, ", "))
	}
	others := im.ACLs + im.Credentials + im.Quotas + im.Tokens
	if others > 0 {
		n.logger.Warn("this version has no use for some of the metadata: access is not checked and not limited. It stays in Apache Kafka's log, and goes back with `ottla debug metadata export`",
			"acls", im.ACLs, "scram_credentials", im.Credentials, "client_quotas", im.Quotas, "delegation_tokens", im.Tokens)
	}
	if len(log.State.Brokers) > 1 || len(log.Voters) > 1 {
		n.logger.Warn("the metadata is of a cluster of several nodes, and this node is alone from now on: the last changes may be ones that the others never agreed to", "brokers", len(log.State.Brokers))
	}
	n.tellPartitions("partitions without a replica here are not served", im.Elsewhere)
	n.tellPartitions("partitions whose replica here was not in sync are not served", im.OutOfSync)
	n.tellPartitions("partitions that no log directory has a log of begin empty", im.Missing)
}

// namedPartitions is how many partitions a line of the log names.
const namedPartitions = 10

func (n *Node) tellPartitions(message string, list []kraft.TopicPartition) {
	if len(list) == 0 {
		return
	}
	var names []string
	for _, tp := range list[:min(len(list), namedPartitions)] {
		names = append(names, tp.String())
	}
	slices.Sort(names)
	n.logger.Warn(message, "partitions", len(list), "some", strings.Join(names, ", "))
}
