package kraft

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"ottla.dev/ottla/internal/config/storageformat"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/record"
)

// The metadata versions from which records have fields or are there at all.
const (
	migrationLevel   = 8  // 3.4-IV0: RegisterBrokerRecord tells of a migration
	directoriesLevel = 17 // 3.7-IV2: PartitionRecord and RegisterBrokerRecord have directories
	cordonedLevel    = 30 // 4.3-IV0: RegisterBrokerRecord has directories that get nothing new
	elrLevel         = 23 // 4.0-IV1: PartitionRecord has eligible leader replicas
	scramLevel       = 11 // 3.5-IV2: credentials
	tokenLevel       = 14 // 3.6-IV2: delegation tokens
)

const (
	batchRecords = 1000 // in one batch of a snapshot
	batchBytes   = 1 << 20
)

// AppendSnapshot writes a snapshot that a controller of Apache Kafka starts with: what the log tells of the quorum, then all of the state,
// metadata.version first.
func (l *Log) AppendSnapshot(b []byte, now time.Time) ([]byte, error) {
	w := &snapshotWriter{out: b, nowMs: now.UnixMilli(), epoch: l.Epoch}
	header := binary.BigEndian.AppendUint16(nil, 0) // version
	header = binary.BigEndian.AppendUint64(header, uint64(w.nowMs))
	control := []record.Record{storageformat.ControlRecord(storageformat.ControlSnapshotHeader, append(header, 0))}
	if l.KRaftVersion > 0 {
		voters, err := storageformat.AppendVoterSet(nil, l.Voters)
		if err != nil {
			return nil, err
		}
		control = append(control,
			storageformat.ControlRecord(storageformat.ControlKRaftVersion, storageformat.AppendKRaftVersion(nil, l.KRaftVersion)),
			storageformat.ControlRecord(storageformat.ControlVoters, voters))
	}
	w.batch(true, control)
	l.State.each(w.record)
	w.flush()
	w.batch(true, []record.Record{storageformat.ControlRecord(storageformat.ControlSnapshotFooter, []byte{0, 0, 0})})
	return w.out, w.err
}

// snapshotWriter makes the batches of a snapshot.
type snapshotWriter struct {
	out     []byte
	nowMs   int64
	epoch   int32
	offset  int64
	pending []record.Record
	bytes   int
	err     error
}

func (w *snapshotWriter) record(r Record, version int16) {
	value := AppendRecord(nil, r, version)
	w.pending = append(w.pending, record.Record{Value: value})
	if w.bytes += len(value); len(w.pending) >= batchRecords || w.bytes >= batchBytes {
		w.flush()
	}
}

func (w *snapshotWriter) flush() {
	w.batch(false, w.pending)
	w.pending, w.bytes = w.pending[:0], 0
}

func (w *snapshotWriter) batch(control bool, records []record.Record) {
	if w.err != nil || len(records) == 0 {
		return
	}
	b := record.NewBuilder(record.CodecNone)
	b.BaseOffset, b.LeaderEpoch, b.Control = w.offset, w.epoch, control
	for i := range records {
		records[i].Timestamp = w.nowMs
		if w.err = b.Append(&records[i]); w.err != nil {
			return
		}
	}
	w.out, w.err = b.AppendTo(w.out)
	w.offset += int64(len(records))
}

// Digest tells states apart by all but the registrations of brokers: as long as it is the same, nobody has led a partition, nor changed
// anything that a client sees.
func (s *State) Digest() string {
	h := sha256.New()
	s.each(func(r Record, version int16) {
		if _, broker := r.(*RegisterBrokerRecord); !broker {
			h.Write(AppendRecord(nil, r, version))
		}
	})
	return hex.EncodeToString(h.Sum(nil))
}

// each calls write for the records that the state comes to, in Kafka's order, in the versions that its metadata.version has.
func (s *State) each(write func(r Record, version int16)) {
	level := s.Features[metadata.MetadataVersion]
	write(&FeatureLevelRecord{Name: metadata.MetadataVersion, FeatureLevel: level}, 0)
	for _, name := range slices.Sorted(maps.Keys(s.Features)) {
		if name != metadata.MetadataVersion {
			write(&FeatureLevelRecord{Name: name, FeatureLevel: s.Features[name]}, 0)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Brokers)) {
		write(s.Brokers[id], brokerVersion(level))
	}
	s.eachTopic(level, write)
	for _, r := range slices.SortedFunc(maps.Keys(s.Configs), compareResources) {
		configs := s.Configs[r]
		for _, name := range slices.Sorted(maps.Keys(configs)) {
			value := configs[name]
			write(&ConfigRecord{ResourceType: int8(r.Type), ResourceName: r.Name, Name: name, Value: &value}, 0)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Quotas)) {
		write(s.Quotas[key], 0)
	}
	if s.NextProducerID > 0 {
		write(&ProducerIDsRecord{BrokerID: -1, BrokerEpoch: -1, NextProducerID: s.NextProducerID}, 0)
	}
	for _, id := range slices.SortedFunc(maps.Keys(s.ACLs), compareIDs) {
		write(s.ACLs[id], 0)
	}
	if level >= scramLevel {
		for _, key := range slices.SortedFunc(maps.Keys(s.Credentials), compareCredentials) {
			write(s.Credentials[key], 0)
		}
	}
	if level >= tokenLevel {
		for _, id := range slices.Sorted(maps.Keys(s.Tokens)) {
			write(s.Tokens[id], 0)
		}
	}
}

func brokerVersion(level int16) int16 {
	switch {
	case level >= cordonedLevel:
		return 4
	case level >= directoriesLevel:
		return 3
	case level >= migrationLevel:
		return 2
	}
	return 1
}

func (s *State) eachTopic(level int16, write func(r Record, version int16)) {
	version := int16(0)
	switch {
	case level >= elrLevel:
		version = 2
	case level >= directoriesLevel:
		version = 1
	}
	for _, t := range s.SortedTopics() {
		write(&TopicRecord{Name: t.Name, TopicID: t.ID}, 0)
		for i := range int32(len(t.Partitions)) {
			write(t.Partitions[i], version)
		}
	}
}

func compareResources(a, b metadata.Resource) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
}

func compareCredentials(a, b CredentialKey) int {
	return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Mechanism, b.Mechanism))
}
