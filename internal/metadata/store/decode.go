package store

import (
	"fmt"
	"strings"

	"ottla.dev/ottla/internal/metadata"
)

// decoder turns the events of one revision, or all keys of a load, into records. Topics that went come first, then
// topics, then their further partitions, then the rest, whatever the order of the keys.
type decoder struct {
	gone, topics, chunks, rest []metadata.Record
	missing                    map[metadata.UUID]int // of each new topic: how many partitions its own value does not hold
	further                    map[metadata.UUID]int // partitions in further values that are new
}

func decode(events []Event, revision int64) ([]metadata.Record, error) {
	d := &decoder{missing: map[metadata.UUID]int{}, further: map[metadata.UUID]int{}}
	for _, e := range events {
		if err := d.event(e, revision); err != nil {
			return nil, fmt.Errorf("%w: key %q: %v", ErrCorrupt, e.Key, err)
		}
	}
	for id, n := range d.missing {
		if n != d.further[id] {
			return nil, fmt.Errorf("%w: key %q: %d further partitions are told, %d are there", ErrCorrupt, topicKey(id), n, d.further[id])
		}
	}
	records := append(d.gone, d.topics...)
	return append(append(records, d.chunks...), d.rest...), nil
}

func (d *decoder) event(e Event, revision int64) error {
	directory, rest, inDirectory := strings.Cut(e.Key, "/")
	if inDirectory {
		switch directory + "/" {
		case prefixTopics:
			return d.topic(e, rest)
		case prefixPartitions:
			return d.chunk(e, rest)
		case prefixConfigs:
			return d.configs(e, rest)
		case prefixBrokers:
			return d.broker(e, rest)
		case prefixPresence:
			return d.presence(e, rest)
		case prefixFeatures:
			return d.feature(e, rest)
		}
		return nil // of a later version, which knows that older ones skip it
	}
	return d.single(e, revision)
}

func (d *decoder) single(e Event, revision int64) error {
	switch e.Key {
	case keyFormat:
		if string(e.Value) != "1" && !e.Deleted {
			return fmt.Errorf("format %q, but this build knows format %d only", e.Value, formatNow)
		}
	case keyCluster:
		id, err := decodeText(e.Value)
		d.rest = append(d.rest, metadata.ClusterRecord{ClusterID: id})
		return err
	case keyController:
		r := metadata.ControllerRecord{ID: metadata.NoLeader}
		if !e.Deleted {
			id, err := decodeNumber(e.Value)
			if err != nil {
				return err
			}
			r = metadata.ControllerRecord{ID: int32(id), Epoch: revision}
		}
		d.rest = append(d.rest, r)
	case keyProducerIDs:
		next, err := decodeNumber(e.Value)
		d.rest = append(d.rest, metadata.ProducerIDsRecord{NextProducerID: next})
		return err
	}
	return nil
}

func (d *decoder) topic(e Event, rest string) error {
	id, err := metadata.ParseUUID(rest)
	if err != nil {
		return err
	}
	if e.Deleted {
		d.gone = append(d.gone, metadata.RemoveTopicRecord{TopicID: id})
		return nil
	}
	t, err := decodeTopic(e.Value)
	if err != nil {
		return err
	}
	if e.Created {
		d.topics = append(d.topics, metadata.TopicRecord{Name: t.name, TopicID: id})
		d.missing[id] = t.count - len(t.partitions)
	}
	d.topics = appendPartitionRecords(d.topics, id, 0, t.partitions)
	return nil
}

func (d *decoder) chunk(e Event, rest string) error {
	if e.Deleted {
		return nil // its topic goes with it
	}
	id, chunk, err := parseChunkKey(rest)
	if err != nil {
		return err
	}
	t, err := decodeTopic(e.Value)
	if err != nil {
		return err
	}
	if e.Created {
		d.further[id] += len(t.partitions)
	}
	d.chunks = appendPartitionRecords(d.chunks, id, chunk*partitionsPerKey, t.partitions)
	return nil
}

func appendPartitionRecords(to []metadata.Record, id metadata.UUID, first int, partitions []metadata.Partition) []metadata.Record {
	for i, p := range partitions {
		to = append(to, metadata.PartitionRecord{TopicID: id, PartitionID: int32(first + i), Partition: p})
	}
	return to
}

func (d *decoder) configs(e Event, rest string) error {
	resource, err := parseConfigKey(rest)
	if err != nil {
		return err
	}
	var configs map[string]string
	if !e.Deleted {
		if configs, err = decodeConfigs(e.Value); err != nil {
			return err
		}
	}
	d.rest = append(d.rest, metadata.ResourceConfigsRecord{Resource: resource, Configs: configs})
	return nil
}

func (d *decoder) broker(e Event, rest string) error {
	id, err := parseBrokerID(rest)
	if err != nil {
		return err
	}
	if e.Deleted {
		d.rest = append(d.rest, metadata.UnregisterBrokerRecord{BrokerID: id, BrokerEpoch: metadata.AnyBrokerEpoch})
		return nil
	}
	b, err := decodeBroker(id, e.Value)
	d.rest = append(d.rest, metadata.RegisterBrokerRecord{Broker: b})
	return err
}

func (d *decoder) presence(e Event, rest string) error {
	id, err := parseBrokerID(rest)
	if err != nil {
		return err
	}
	r := metadata.BrokerPresenceRecord{BrokerID: id}
	if !e.Deleted {
		b, err := decodeBroker(id, e.Value) // the incarnation has the same field in both
		if err != nil {
			return err
		}
		r.IncarnationID, r.Present = b.IncarnationID, true
	}
	d.rest = append(d.rest, r)
	return nil
}

func (d *decoder) feature(e Event, name string) error {
	var level int64
	if !e.Deleted {
		var err error
		if level, err = decodeNumber(e.Value); err != nil {
			return err
		}
	}
	d.rest = append(d.rest, metadata.FeatureLevelRecord{Name: name, Level: int16(level)})
	return nil
}
