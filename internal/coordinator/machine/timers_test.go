package machine

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ottla.dev/ottla/internal/protocol"
)

// TestTimersAgainstList compares the heap with the plainest thing that does the same.
func TestTimersAgainstList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type pending struct {
			timer int
			at    time.Time
		}
		start := time.Unix(0, 0)
		now := start
		var list []pending // in the order of setting
		var timers Timers
		var all [5]Timer
		fired := -1
		drop := func(i int) {
			list = slices.DeleteFunc(list, func(p pending) bool { return p.timer == i })
		}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				i := rapid.IntRange(0, len(all)-1).Draw(t, "timer")
				at := now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "delay")))
				timers.Set(&all[i], at, func(time.Time) Result { fired = i; return Result{} })
				drop(i)
				list = append(list, pending{i, at})
			},
			"stop": func(t *rapid.T) {
				i := rapid.IntRange(0, len(all)-1).Draw(t, "timer")
				timers.Stop(&all[i])
				drop(i)
			},
			"stop all": func(*rapid.T) { timers.StopAll(); list = nil },
			"advance": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "by")))
				sorted := slices.Clone(list)
				slices.SortStableFunc(sorted, func(a, b pending) int { return a.at.Compare(b.at) })
				for _, want := range sorted {
					if want.at.After(now) {
						break
					}
					run, ok := timers.PopDue(now)
					if !ok {
						t.Fatalf("timer %d should be due", want.timer)
					}
					if run(now); fired != want.timer {
						t.Fatalf("timer %d ran, want %d", fired, want.timer)
					}
					drop(want.timer)
				}
				if _, ok := timers.PopDue(now); ok {
					t.Fatal("a timer ran that is not due")
				}
			},
			"": func(t *rapid.T) {
				if timers.Len() != len(list) {
					t.Fatalf("%d timers are pending, want %d", timers.Len(), len(list))
				}
				for i := range all {
					if want := slices.ContainsFunc(list, func(p pending) bool { return p.timer == i }); all[i].Pending() != want {
						t.Fatalf("timer %d pending: %v, want %v", i, all[i].Pending(), want)
					}
				}
			},
		})
	})
}

func TestResponseCode(t *testing.T) {
	for err, want := range map[protocol.Code]protocol.Code{
		protocol.NotEnoughReplicas:   protocol.CoordinatorNotAvailable,
		protocol.RequestTimedOut:     protocol.CoordinatorNotAvailable,
		protocol.NotLeaderOrFollower: protocol.NotCoordinator,
		protocol.KafkaStorageError:   protocol.NotCoordinator,
		protocol.RecordListTooLarge:  protocol.UnknownServerError,
		protocol.NotCoordinator:      protocol.NotCoordinator,
		protocol.IllegalGeneration:   protocol.IllegalGeneration,
	} {
		if got := ResponseCode(protocol.Errorf(err, "told to the log")); got != want {
			t.Errorf("%s is answered as %s, want %s", err.Name(), got.Name(), want.Name())
		}
	}
}
