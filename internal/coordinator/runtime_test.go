package coordinator

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/memlog"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// dictionary is a machine that remembers the last value of each key.
type dictionary struct {
	values   map[string]string
	offsets  []int64
	open     map[int64]map[string]string // what producers say in open transactions
	heard    []string                    // everything of transactions, in order
	timers   *machine.Timers
	loaded   bool
	unloaded bool
	timer    machine.Timer
}

func (d *dictionary) Replay(offset int64, r machine.Record) error {
	if string(r.Key) == "poison" {
		return errors.New("not a word")
	}
	d.offsets = append(d.offsets, offset)
	if r.Value == nil {
		delete(d.values, string(r.Key))
		return nil
	}
	d.values[string(r.Key)] = string(r.Value)
	return nil
}

func (d *dictionary) Loaded(time.Time)   { d.loaded = true }
func (d *dictionary) Unloaded(time.Time) { d.unloaded = true }

// bench is a runtime with one partition's log and a clock that stands still.
type bench struct {
	t       *testing.T
	clock   *clock.Fake
	log     *memlog.Log
	runtime *Runtime[*dictionary]
	loads   []func() // not run yet, when holdLoads is set
	hold    bool
	last    *dictionary // the machine made last
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, clock: clock.NewFake(time.UnixMilli(1_000_000)), log: &memlog.Log{}}
	b.runtime = NewRuntime(Options[*dictionary]{
		Clock: b.clock, Logger: slog.New(slog.DiscardHandler),
		New: func(timers *machine.Timers, _ *slog.Logger) *dictionary {
			b.last = &dictionary{values: make(map[string]string), timers: timers}
			return b.last
		},
		CommitTimeout:   func() time.Duration { return 5 * time.Second },
		LoadBufferBytes: func() int { return 200 },
		Codec:           func() record.Codec { return record.CodecNone },
		Go: func(task func()) {
			if b.hold {
				b.loads = append(b.loads, task)
				return
			}
			task()
		},
	})
	return b
}

func pairs(kv ...string) []machine.Record {
	var records []machine.Record
	for i := 0; i < len(kv); i += 2 {
		records = append(records, machine.Record{Key: []byte(kv[i]), Value: []byte(kv[i+1])})
	}
	return records
}

// write writes the pairs and returns where the outcome appears.
func (b *bench) write(kv ...string) *outcome {
	return b.do(func(*dictionary, time.Time) machine.Result { return machine.Result{Records: pairs(kv...)} })
}

// outcome is what an operation got.
type outcome struct {
	done bool
	err  error
}

func (b *bench) do(operation func(d *dictionary, now time.Time) machine.Result) *outcome {
	o := &outcome{}
	end := func(err error) {
		if o.done {
			b.t.Error("an operation ended twice")
		}
		o.done, o.err = true, err
	}
	b.runtime.Write(0, func(d *dictionary, now time.Time) machine.Result {
		result := operation(d, now)
		done := result.Done
		result.Done = func(now time.Time, err error) {
			if done != nil {
				done(now, err)
			}
			end(err)
		}
		return result
	}, end)
	return o
}

func (b *bench) want(o *outcome, want error) {
	b.t.Helper()
	if !o.done || !errors.Is(o.err, want) && !(want == nil && o.err == nil) {
		b.t.Fatalf("the operation is done: %v, with %v; want %v", o.done, o.err, want)
	}
}

func (b *bench) wantPending(o *outcome) {
	b.t.Helper()
	if o.done {
		b.t.Fatalf("the operation ended early with %v", o.err)
	}
}

// values are what the machine knows.
func (b *bench) values() map[string]string {
	b.t.Helper()
	var values map[string]string
	b.runtime.Read(0, func(d *dictionary) { values = maps.Clone(d.values) }, func(err error) { b.t.Fatal(err) })
	return values
}

func TestWriteIsAnsweredWhenCommitted(t *testing.T) {
	b := newBench(t)
	b.log.ManualHighWatermark = true
	b.runtime.Load(0, 1, b.log)
	first, second := b.write("a", "1", "b", "2"), b.write("a", "3")
	if got := b.values(); got["a"] != "3" || got["b"] != "2" {
		t.Fatalf("appended records are not applied: %v", got)
	}
	nothing := b.do(func(*dictionary, time.Time) machine.Result { return machine.Result{} })
	b.log.Commit(1)
	b.wantPending(first)
	b.log.Commit(2)
	b.want(first, nil)
	b.wantPending(second)
	b.wantPending(nothing) // it has seen what the second wrote
	b.log.Commit(3)
	b.want(second, nil)
	b.want(nothing, nil)
	if !slices.Equal(b.last.offsets, []int64{0, 1, 2}) {
		t.Fatalf("replayed at offsets %v", b.last.offsets)
	}
}

func TestHighWatermarkThatMovesDuringAppend(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	b.want(b.write("a", "1"), nil)
}

func TestRefusedAppendChangesNothing(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	b.want(b.write("a", "1"), nil)
	b.log.Refuse(protocol.NotEnoughReplicas)
	var order []string
	refused := b.do(func(*dictionary, time.Time) machine.Result {
		return machine.Result{
			Records: pairs("a", "2", "b", "2"),
			Undo:    func(time.Time) { order = append(order, "undo") },
			Done:    func(time.Time, error) { order = append(order, "done") },
		}
	})
	b.want(refused, protocol.NotEnoughReplicas)
	if !slices.Equal(order, []string{"undo", "done"}) {
		t.Fatalf("order %v", order)
	}
	if got := b.values(); len(got) != 1 || got["a"] != "1" {
		t.Fatalf("state changed: %v", got)
	}
	b.log.Refuse(nil)
	b.want(b.write("b", "3"), nil)
	if len(b.log.Batches()) != 2 {
		t.Fatalf("%d batches", len(b.log.Batches()))
	}
}

func TestSelfAppliedRecordsAreNotReplayed(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	b.want(b.do(func(*dictionary, time.Time) machine.Result {
		return machine.Result{Records: pairs("a", "1"), SelfApplied: true}
	}), nil)
	if got := b.values(); len(got) != 0 {
		t.Fatalf("replayed: %v", got)
	}
}

func TestCommitTimeout(t *testing.T) {
	b := newBench(t)
	b.log.ManualHighWatermark = true
	b.runtime.Load(0, 1, b.log)
	first := b.write("a", "1")
	b.clock.Advance(3 * time.Second)
	second := b.write("a", "2")
	b.clock.Advance(1999 * time.Millisecond)
	b.wantPending(first)
	b.clock.Advance(time.Millisecond)
	b.want(first, protocol.RequestTimedOut)
	b.wantPending(second)
	b.clock.Advance(3 * time.Second)
	b.want(second, protocol.RequestTimedOut)
	third := b.write("a", "3")
	b.log.Commit(3)
	b.want(third, nil)
	if b.values()["a"] != "3" {
		t.Fatal("what was appended must stay, though it was late")
	}
	b.clock.Advance(time.Minute)
}

func TestTimers(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	set := func(after time.Duration, value string) {
		b.do(func(d *dictionary, now time.Time) machine.Result {
			d.timers.Set(&d.timer, now.Add(after), func(time.Time) machine.Result {
				return machine.Result{Records: pairs("timer", value)}
			})
			return machine.Result{}
		})
	}
	set(10*time.Second, "late")
	set(2*time.Second, "early") // earlier than the wake-up that is set
	b.clock.Advance(2 * time.Second)
	if got := b.values()["timer"]; got != "early" {
		t.Fatalf("timer wrote %q", got)
	}
	set(2*time.Second, "first")
	set(5*time.Second, "moved") // later than the wake-up that is set
	b.clock.Advance(4 * time.Second)
	if got := b.values()["timer"]; got != "early" {
		t.Fatalf("timer wrote %q before its time", got)
	}
	b.clock.Advance(time.Second)
	if got := b.values()["timer"]; got != "moved" {
		t.Fatalf("timer wrote %q", got)
	}
	set(0, "now")
	if got := b.values()["timer"]; got != "now" {
		t.Fatalf("a timer that is due wrote %q", got)
	}
	set(time.Second, "never")
	b.runtime.Unload(0, -1)
	b.clock.Advance(time.Hour)
	if len(b.log.Batches()) != 3 {
		t.Fatalf("%d batches", len(b.log.Batches()))
	}
}

// TestTimerThatIsAlwaysDue must not keep requests out.
func TestTimerThatIsAlwaysDue(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	runs := 0
	b.do(func(d *dictionary, now time.Time) machine.Result {
		var again func(time.Time) machine.Result
		again = func(now time.Time) machine.Result {
			runs++
			d.timers.Set(&d.timer, now, again)
			return machine.Result{}
		}
		return again(now)
	})
	b.want(b.write("a", "1"), nil)
	if runs < maxEventsPerTurn || runs > 4*maxEventsPerTurn {
		t.Fatalf("the timer ran %d times", runs)
	}
}

func TestLargeWrites(t *testing.T) {
	b := newBench(t)
	b.log.LimitBytes = 1000
	b.runtime.Load(0, 1, b.log)
	value := strings.Repeat("x", 100)
	var many []string
	for i := range 50 {
		many = append(many, fmt.Sprint(i), value)
	}
	b.want(b.write(many...), protocol.RecordListTooLarge)
	if len(b.values()) != 0 || len(b.log.Batches()) != 0 {
		t.Fatal("a write that is too large left something")
	}
	b.want(b.do(func(*dictionary, time.Time) machine.Result {
		return machine.Result{Records: pairs(many...), Split: true}
	}), nil)
	if len(b.values()) != 50 {
		t.Fatalf("%d values", len(b.values()))
	}
	for _, batch := range b.log.Batches() {
		if len(batch) > 1000 {
			t.Fatalf("a batch of %d bytes", len(batch))
		}
	}
	if n := len(b.log.Batches()); n < 6 || n > 12 {
		t.Fatalf("%d batches", n)
	}
}

func TestOperationsFromWithinOperations(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	var order []string
	b.do(func(*dictionary, time.Time) machine.Result {
		b.runtime.Write(0, func(d *dictionary, _ time.Time) machine.Result {
			order = append(order, "inner sees "+d.values["a"])
			return machine.Result{}
		}, func(err error) { t.Error(err) })
		order = append(order, "outer")
		return machine.Result{Records: pairs("a", "1")}
	})
	if want := []string{"outer", "inner sees 1"}; !slices.Equal(order, want) {
		t.Fatalf("order %v, want %v", order, want)
	}
}

// TestManyCallers is for the race detector: operations from everywhere, none lost, none at the same time.
func TestManyCallers(t *testing.T) {
	b := newBench(t)
	b.runtime.options.Clock = clock.Real{}
	b.runtime.Load(0, 1, b.log)
	const callers, writes = 8, 500
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range writes {
				done := make(chan error, 1)
				b.runtime.Write(0, func(d *dictionary, _ time.Time) machine.Result {
					n := len(d.offsets)
					return machine.Result{
						Records: pairs("n", fmt.Sprint(n)),
						Done:    func(_ time.Time, err error) { done <- err },
					}
				}, func(err error) { done <- err })
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := b.values()["n"]; got != fmt.Sprint(callers*writes-1) {
		t.Fatalf("last write was %s", got)
	}
}

func TestIdleShardsAreSmall(t *testing.T) {
	b := newBench(t)
	const shards = 1000
	logs := make([]memlog.Log, shards)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range logs {
		b.runtime.Load(int32(i), 1, &logs[i])
		b.runtime.Write(int32(i), func(*dictionary, time.Time) machine.Result {
			return machine.Result{}
		}, func(err error) { t.Error(err) })
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if perShard := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / shards; perShard > 2048 {
		t.Fatalf("an idle shard takes %d bytes", perShard)
	}
	runtime.KeepAlive(b)
}
