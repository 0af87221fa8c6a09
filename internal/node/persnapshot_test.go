package node

import (
	"testing"

	"ottla.dev/ottla/internal/config"
)

func TestWhatIsMadeOfSettingsIsMadeOncePerChange(t *testing.T) {
	load := func(partitions string) *config.Snapshot {
		s, _, err := config.Load(config.LoadOptions{Fallback: config.Standalone("/data"), Values: map[string]string{"num.partitions": partitions}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first, second := load("3"), load("4")
	now, made := first, 0
	get := perSnapshot(func() *config.Snapshot { return now }, func(s *config.Snapshot) int {
		made++
		return s.Int("num.partitions")
	})
	for i, want := range []struct {
		snapshot    *config.Snapshot
		value, made int
	}{{first, 3, 1}, {first, 3, 1}, {second, 4, 2}, {second, 4, 2}, {first, 3, 3}} {
		now = want.snapshot
		if got := get(); got != want.value || made != want.made {
			t.Errorf("call %d: %d, made %d times; want %d and %d", i+1, got, made, want.value, want.made)
		}
	}
	if allocated := testing.AllocsPerRun(100, func() { get() }); allocated != 0 {
		t.Errorf("a call allocates %v times", allocated)
	}
}
