package config

import (
	"log/slog"
	"strings"
	"testing"
)

func TestLiveTellsOfChanges(t *testing.T) {
	var log strings.Builder
	l := NewLive(load(t, LoadOptions{Fallback: Standalone("d")}), slog.New(slog.NewTextHandler(&log, nil)))
	type change struct{ old, new int }
	var seen []change
	cancel := l.Subscribe(func(old, new *Snapshot) {
		if l.Snapshot() != new {
			t.Error("a subscriber is told before the snapshot is there")
		}
		seen = append(seen, change{old.Int("num.io.threads"), new.Int("num.io.threads")})
	})
	l.Update(map[string]string{"num.io.threads": "9"}, nil)
	l.Update(map[string]string{"num.io.threads": "9"}, map[string]string{"num.io.threads": "10"})
	l.Update(map[string]string{"num.io.threads": "9"}, map[string]string{"num.io.threads": "10"}) // nothing new
	l.Update(nil, nil)
	cancel()
	l.Update(map[string]string{"num.io.threads": "11"}, nil)
	want := []change{{8, 9}, {9, 10}, {10, 8}}
	if len(seen) != 3 || seen[0] != want[0] || seen[1] != want[1] || seen[2] != want[2] {
		t.Errorf("saw %v, want %v", seen, want)
	}
	if got := l.Snapshot().Int("num.io.threads"); got != 11 {
		t.Errorf("now %d", got)
	}
}

func TestLiveLeavesOutWhatItCannotUse(t *testing.T) {
	var log strings.Builder
	l := NewLive(load(t, LoadOptions{Fallback: Standalone("d")}), slog.New(slog.NewTextHandler(&log, nil)))
	l.Update(map[string]string{"num.io.threads": "many", "num.partitions": "5", "listeners": "PLAINTEXT://:1", "log.retention.ms": "77"}, nil)
	s := l.Snapshot()
	if s.Int("num.io.threads") != 8 || s.Int("num.partitions") != 1 || s.Long("log.retention.ms") != 77 {
		t.Errorf("threads %d, partitions %d, retention %d", s.Int("num.io.threads"), s.Int("num.partitions"), s.Long("log.retention.ms"))
	}
	for _, want := range []string{"num.io.threads is ignored", "num.partitions is ignored", "listeners is ignored"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in %s", want, log.String())
		}
	}
	// Values that are right for themselves and do not go together leave everything as it was.
	l.Update(map[string]string{"log.retention.ms": "0"}, nil)
	if l.Snapshot() != s || !strings.Contains(log.String(), "cannot be applied") {
		t.Errorf("retention %d: %s", l.Snapshot().Long("log.retention.ms"), log.String())
	}
}

func TestDynamicIntervalsAreClamped(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("d")})
	s, warnings, err := s.WithDynamic(map[string]string{"group.consumer.assignment.interval.ms": "99000"}, nil)
	if err != nil || len(warnings) != 1 || s.Int("group.consumer.assignment.interval.ms") != 15000 {
		t.Error(s, warnings, err)
	}
}
