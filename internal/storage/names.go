package storage

import (
	"path"
	"strconv"
	"strings"
)

// The suffixes of a segment's files, and of files on their way in or out.
const (
	logSuffix       = ".log"
	indexSuffix     = ".index"
	timeIndexSuffix = ".timeindex"
	txnIndexSuffix  = ".txnindex"
	snapshotSuffix  = ".snapshot"
	deletedSuffix   = ".deleted"
	cleanedSuffix   = ".cleaned"
	swapSuffix      = ".swap"
	tmpSuffix       = ".tmp"
)

// The names of single files.
const (
	epochCheckpointName         = "leader-epoch-checkpoint"
	partitionMetadataName       = "partition.metadata"
	metaPropertiesName          = "meta.properties"
	recoveryPointCheckpointName = "recovery-point-offset-checkpoint"
	highWatermarkCheckpointName = "replication-offset-checkpoint"
	startOffsetCheckpointName   = "log-start-offset-checkpoint"
	cleanerCheckpointName       = "cleaner-offset-checkpoint"
	cleanShutdownName           = ".kafka_cleanshutdown"
	lockName                    = ".lock"
	startNoteName               = "ottla-start"
)

// The endings of partition directories that are not partitions in use.
const (
	deleteDirSuffix = "-delete" // a deleted topic, to be removed
	futureDirSuffix = "-future" // a copy on its way to another log directory
	strayDirSuffix  = "-stray"  // put aside because the cluster did not know it
)

// clusterMetadataTopic is the topic of Kafka's own controllers. A log directory of Apache Kafka may hold it; it is not
// one of the broker's logs.
const clusterMetadataTopic = "__cluster_metadata"

// offsetDigits is the width of the offset in a file's name: the digits of the largest int64, and one.
const offsetDigits = 20

// fileName returns the name of a file that belongs to an offset: "00000000000000000042.log".
func fileName(offset int64, suffix string) string {
	digits := strconv.FormatInt(offset, 10)
	return strings.Repeat("0", max(0, offsetDigits-len(digits))) + digits + suffix
}

// parseFileName splits a name that fileName made, whatever follows the offset.
func parseFileName(name string) (offset int64, suffix string, ok bool) {
	dot := strings.IndexByte(name, '.')
	if dot != offsetDigits {
		return 0, "", false
	}
	for _, c := range []byte(name[:dot]) {
		if c < '0' || c > '9' {
			return 0, "", false
		}
	}
	offset, err := strconv.ParseInt(name[:dot], 10, 64)
	return offset, name[dot:], err == nil
}

// maxDirNameBytes is the longest name that common file systems take.
const maxDirNameBytes = 255

// asideDirName returns the name that a partition's directory gets when it is taken out of use, "topic-0.<unique>-delete" until
// it is removed. The topic is cut where the name would become too long.
func asideDirName(tp TopicPartition, unique, ending string) string {
	suffix := "-" + strconv.Itoa(int(tp.Partition)) + "." + unique + ending
	return tp.Topic[:min(len(tp.Topic), maxDirNameBytes-len(suffix))] + suffix
}

func join(dir, name string) string { return path.Join(dir, name) }
