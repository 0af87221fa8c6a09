package config

import (
	"slices"
	"time"
)

const (
	msPerMinute = int64(time.Minute / time.Millisecond)
	msPerHour   = int64(time.Hour / time.Millisecond)
)

// rollMs returns the age at which segments are closed, from the strongest setting that is given.
func (r *resolver) rollMs() int64 {
	if v := r.values["log.roll.ms"]; !v.null {
		return v.n
	}
	return r.long("log.roll.hours") * msPerHour
}

func (r *resolver) rollJitterMs() int64 {
	if v := r.values["log.roll.jitter.ms"]; !v.null {
		return v.n
	}
	return r.long("log.roll.jitter.hours") * msPerHour
}

// retentionMs returns how long records are kept; every negative value means for ever.
func (r *resolver) retentionMs() int64 {
	ms := r.long("log.retention.hours") * msPerHour
	if v := r.values["log.retention.ms"]; !v.null {
		ms = v.n
	} else if v := r.values["log.retention.minutes"]; !v.null {
		ms = v.n * msPerMinute
	}
	return max(ms, -1)
}

func (r *resolver) flushMs() int64 {
	if v := r.values["log.flush.interval.ms"]; !v.null {
		return v.n
	}
	return r.long("log.flush.scheduler.interval.ms")
}

// topicDefaults returns the settings of a topic that has none of its own.
func (r *resolver) topicDefaults() map[string]Value {
	defaults := make(map[string]Value, len(topicTable.sorted))
	for _, setting := range topicTable.sorted {
		defaults[setting.Name] = r.brokerDefault(setting)
	}
	return defaults
}

// brokerDefault returns a topic setting's default: the broker's value in the topic's unit.
func (r *resolver) brokerDefault(setting *Setting) Value {
	number := func(n int64) Value { return Value{kind: setting.Type, n: n} }
	switch setting.Name {
	case "segment.ms":
		return number(r.rollMs())
	case "segment.jitter.ms":
		return number(r.rollJitterMs())
	case "retention.ms":
		return number(r.retentionMs())
	case "flush.ms":
		return number(r.flushMs())
	}
	if synonyms := topicSynonyms[setting.Name]; synonyms != nil {
		v := r.values[synonyms[0]]
		v.kind = setting.Type
		return v
	}
	return setting.value
}

// Topic returns the effective settings of a topic from its own settings, as the metadata image has them. Topics without
// own settings share one value, which must not be changed. Unknown names are left out; a value that is not allowed is an
// error that names it.
func (s *Snapshot) Topic(overrides map[string]string) (*Topic, error) {
	if len(overrides) == 0 {
		return s.topic, nil
	}
	values, err := s.topicValues(overrides)
	if err != nil {
		return nil, err
	}
	return newTopic(values)
}

// topicValues returns every topic setting, the overrides over the broker's defaults.
func (s *Snapshot) topicValues(overrides map[string]string) (map[string]Value, error) {
	return overlay(topicTable, s.topicDefaults, overrides)
}

var compressionTypes = map[string]CompressionType{
	"producer": CompressionProducer, "uncompressed": CompressionNone, "gzip": CompressionGzip,
	"snappy": CompressionSnappy, "lz4": CompressionLz4, "zstd": CompressionZstd,
}

// newTopic makes the typed form of a complete set of values.
func newTopic(v map[string]Value) (*Topic, error) {
	t := &Topic{
		CleanupCompact:        slices.Contains(v["cleanup.policy"].list, "compact"),
		CleanupDelete:         slices.Contains(v["cleanup.policy"].list, "delete"),
		CompressionType:       compressionTypes[v["compression.type"].s],
		GzipLevel:             int(v["compression.gzip.level"].n),
		Lz4Level:              int(v["compression.lz4.level"].n),
		ZstdLevel:             int(v["compression.zstd.level"].n),
		DeleteRetention:       millis(v["delete.retention.ms"].n),
		FileDeleteDelay:       millis(v["file.delete.delay.ms"].n),
		FlushMessages:         v["flush.messages"].n,
		FlushMs:               v["flush.ms"].n,
		IndexIntervalBytes:    int(v["index.interval.bytes"].n),
		MaxCompactionLagMs:    v["max.compaction.lag.ms"].n,
		MinCompactionLagMs:    v["min.compaction.lag.ms"].n,
		MaxMessageBytes:       int(v["max.message.bytes"].n),
		TimestampAfterMaxMs:   v["message.timestamp.after.max.ms"].n,
		TimestampBeforeMaxMs:  v["message.timestamp.before.max.ms"].n,
		LogAppendTime:         v["message.timestamp.type"].s == "LogAppendTime",
		MinCleanableDirtyRate: v["min.cleanable.dirty.ratio"].f,
		MinInsyncReplicas:     int(v["min.insync.replicas"].n),
		Preallocate:           v["preallocate"].Bool(),
		RetentionBytes:        v["retention.bytes"].n,
		RetentionMs:           v["retention.ms"].n,
		SegmentBytes:          int(v["segment.bytes"].n),
		SegmentIndexBytes:     int(v["segment.index.bytes"].n),
		SegmentJitterMs:       v["segment.jitter.ms"].n,
		SegmentMs:             v["segment.ms"].n,
		UncleanLeaderElection: v["unclean.leader.election.enable"].Bool(),
		SyncBeforeAck:         v["ottla.flush.before.ack"].Bool(),
	}
	if small := v["internal.segment.bytes"]; !small.null {
		t.SegmentBytes = int(small.n)
	}
	return t, nil
}
