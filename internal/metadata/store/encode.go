package store

import (
	"strconv"

	"ottla.dev/ottla/internal/metadata"
)

// formatNow is the format of the keys that this build writes. A store of a newer format is refused.
const formatNow = 1

// unit is a list of ops that must be committed together: all that concerns one topic, or one other thing.
type unit []Op

// encode returns what must be written to get from one image to the next, of which delta tells the difference. Topics
// that go come first, so that a name is free before it is taken again.
func encode(next *metadata.Image, d *metadata.Delta) []unit {
	var units []unit
	if d.ClusterIDChange {
		units = append(units, unit{
			{Key: keyFormat, Value: []byte(strconv.Itoa(formatNow))},
			{Key: keyCluster, Value: encodeText(next.ClusterID)},
		})
	}
	configs := map[metadata.Resource]bool{} // still to be written
	for _, r := range d.Configs {
		configs[r] = true
	}
	takeConfigs := func(u unit, r metadata.Resource) unit {
		if configs[r] {
			delete(configs, r)
			u = append(u, configOp(next, r))
		}
		return u
	}
	for _, t := range d.Deleted {
		u := unit{{Key: topicKey(t.ID), Delete: true}}
		if len(t.Partitions) > partitionsPerKey {
			u = append(u, Op{Key: chunkPrefix(t.ID), Delete: true, Prefix: true})
		}
		if next.Topic(t.Name) == nil {
			u = takeConfigs(u, metadata.TopicResource(t.Name))
		}
		units = append(units, u)
	}
	for _, t := range d.Created {
		u := unit{{Key: topicKey(t.ID), Value: encodeTopic(t)}}
		for chunk := 1; chunk*partitionsPerKey < len(t.Partitions); chunk++ {
			u = append(u, Op{Key: chunkKey(t.ID, chunk), Value: encodeChunk(t, chunk)})
		}
		units = append(units, takeConfigs(u, metadata.TopicResource(t.Name)))
	}
	for _, c := range d.Changed {
		units = append(units, takeConfigs(encodeChange(c), metadata.TopicResource(c.New.Name)))
	}
	for _, r := range d.Configs {
		if configs[r] {
			units = append(units, unit{configOp(next, r)})
		}
	}
	return append(units, encodeOthers(next, d)...)
}

func encodeChange(c metadata.TopicChange) unit {
	var u unit
	first := len(c.New.Partitions) != len(c.Old.Partitions)
	last := 0
	for _, p := range c.Partitions {
		switch chunk := int(p) / partitionsPerKey; {
		case chunk == 0:
			first = true
		case chunk != last:
			last = chunk
			u = append(u, Op{Key: chunkKey(c.New.ID, chunk), Value: encodeChunk(c.New, chunk)})
		}
	}
	if first {
		u = append(u, Op{Key: topicKey(c.New.ID), Value: encodeTopic(c.New)})
	}
	return u
}

func configOp(next *metadata.Image, r metadata.Resource) Op {
	if configs := next.Configs(r); len(configs) > 0 {
		return Op{Key: configKey(r), Value: encodeConfigs(configs)}
	}
	return Op{Key: configKey(r), Delete: true}
}

func encodeOthers(next *metadata.Image, d *metadata.Delta) []unit {
	var units []unit
	for _, id := range d.Brokers {
		if b := next.Brokers[id]; b != nil {
			units = append(units, unit{{Key: brokerKey(id), Value: encodeBroker(b)}})
		} else {
			units = append(units, unit{{Key: brokerKey(id), Delete: true}})
		}
	}
	for _, name := range d.Features {
		if level := next.Features[name]; level != 0 {
			units = append(units, unit{{Key: prefixFeatures + name, Value: encodeNumber(int64(level))}})
		} else {
			units = append(units, unit{{Key: prefixFeatures + name, Delete: true}})
		}
	}
	if d.ProducerIDs {
		units = append(units, unit{{Key: keyProducerIDs, Value: encodeNumber(next.NextProducerID)}})
	}
	return units
}

// group joins units into as few commits as the limits allow, of which some room is kept for what every commit has.
func group(units []unit, limits Limits) []unit {
	var groups []unit
	var now unit
	bytes := 0
	for _, u := range units {
		more := size(u)
		if len(now) > 0 && (len(now)+len(u) > limits.Ops-1 || bytes+more > limits.Bytes*3/4) {
			groups = append(groups, now)
			now, bytes = nil, 0
		}
		now = append(now, u...)
		bytes += more
	}
	if len(now) > 0 {
		groups = append(groups, now)
	}
	return groups
}

func size(ops []Op) int {
	n := 0
	for _, op := range ops {
		n += len(op.Key) + len(op.Value)
	}
	return n
}
