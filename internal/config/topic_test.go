package config

import (
	"math"
	"testing"
	"time"

	"ottla.dev/ottla/internal/protocol"
)

func TestTopicDefaults(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("d")})
	got, err := s.Topic(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Topic{
		CleanupDelete: true, CompressionType: CompressionProducer, GzipLevel: -1, Lz4Level: 9, ZstdLevel: 3,
		DeleteRetention: 24 * time.Hour, FileDeleteDelay: time.Minute, FlushMessages: math.MaxInt64, FlushMs: math.MaxInt64,
		IndexIntervalBytes: 4096, MaxCompactionLagMs: math.MaxInt64, MaxMessageBytes: 1048588,
		TimestampAfterMaxMs: 3600000, TimestampBeforeMaxMs: math.MaxInt64, MinCleanableDirtyRate: 0.5, MinInsyncReplicas: 1,
		RetentionBytes: -1, RetentionMs: 604800000, SegmentBytes: 1 << 30, SegmentIndexBytes: 10 << 20, SegmentMs: 604800000,
	}
	if *got != want {
		t.Errorf("%+v\nwant %+v", *got, want)
	}
	if again, _ := s.Topic(map[string]string{}); again != got {
		t.Error("topics without own settings do not share one value")
	}
}

func TestTopicFollowsTheBroker(t *testing.T) {
	for _, test := range []struct {
		set  string
		get  func(*Topic) int64
		want int64
	}{
		{"log.retention.hours=2", func(t *Topic) int64 { return t.RetentionMs }, 7200000},
		{"log.retention.minutes=3", func(t *Topic) int64 { return t.RetentionMs }, 180000},
		{"log.retention.ms=4", func(t *Topic) int64 { return t.RetentionMs }, 4},
		{"log.retention.hours=-1", func(t *Topic) int64 { return t.RetentionMs }, -1},
		{"log.roll.hours=2", func(t *Topic) int64 { return t.SegmentMs }, 7200000},
		{"log.roll.jitter.hours=1", func(t *Topic) int64 { return t.SegmentJitterMs }, 3600000},
		{"log.flush.scheduler.interval.ms=5", func(t *Topic) int64 { return t.FlushMs }, 5},
		{"log.flush.interval.ms=6", func(t *Topic) int64 { return t.FlushMs }, 6},
		{"message.max.bytes=7", func(t *Topic) int64 { return int64(t.MaxMessageBytes) }, 7},
		{"log.index.size.max.bytes=8", func(t *Topic) int64 { return int64(t.SegmentIndexBytes) }, 8},
		{"min.insync.replicas=2", func(t *Topic) int64 { return int64(t.MinInsyncReplicas) }, 2},
	} {
		s := load(t, LoadOptions{Fallback: Standalone("d"), Set: []string{test.set}})
		topic, err := s.Topic(nil)
		if err != nil || test.get(topic) != test.want {
			t.Errorf("%s: %d, %v, want %d", test.set, test.get(topic), err, test.want)
		}
	}
}

func TestTopicOverrides(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("d"), Set: []string{"log.retention.ms=5", "compression.type=gzip"}})
	topic, err := s.Topic(map[string]string{
		"retention.ms": " 6 ", "cleanup.policy": "compact, delete", "compression.type": "lz4", "internal.segment.bytes": "100",
		"message.timestamp.type": "LogAppendTime", "from.another.version": "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	if topic.RetentionMs != 6 || !topic.CleanupCompact || !topic.CleanupDelete || topic.CompressionType != CompressionLz4 ||
		topic.SegmentBytes != 100 || !topic.LogAppendTime {
		t.Errorf("%+v", topic)
	}
	if shared, _ := s.Topic(nil); shared.RetentionMs != 5 || shared.CompressionType != CompressionGzip || shared.SegmentBytes != 1<<30 {
		t.Errorf("the shared value changed: %+v", shared)
	}
	if _, err := s.Topic(map[string]string{"retention.ms": "x"}); err == nil {
		t.Error("a wrong value is accepted")
	}
}

func TestDynamicUnitsReplaceStaticOnes(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("d"), Set: []string{"log.retention.hours=2"}})
	s, _, err := s.WithDynamic(nil, map[string]string{"log.retention.ms": "9"})
	if err != nil {
		t.Fatal(err)
	}
	topic, _ := s.Topic(nil)
	if topic.RetentionMs != 9 || s.IsSet("log.retention.hours") {
		t.Errorf("retention %d", topic.RetentionMs)
	}
}

func TestCreateTopicConfigsCodes(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("d")})
	_, err := s.IncrementalAlter(2, "bad name", nil, nil)
	if protocol.CodeOf(err) != protocol.InvalidTopicException {
		t.Errorf("bad name: %v", err)
	}
	if _, err := s.IncrementalAlter(99, "x", nil, nil); protocol.CodeOf(err) != protocol.InvalidRequest {
		t.Errorf("bad resource: %v", err)
	}
}
