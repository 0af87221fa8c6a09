package coordinator

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// maxEventsPerTurn bounds how long a caller is held up by running the queue for others; a goroutine of its own goes on.
const maxEventsPerTurn = 256

// shardState is where a shard stands in its life.
type shardState uint8

const (
	initial shardState = iota
	loading
	active
	failed // loading failed, or state and log do not agree; only a new election helps
	closed
)

// shard is one partition and the machine behind it.
type shard[M machine.Machine] struct {
	runtime   *Runtime[M]
	partition int32
	log       *slog.Logger

	mu      sync.Mutex // guards queue and running
	queue   []func()
	running bool

	// waiting tells the high watermark's listener, which runs outside the queue, whether anybody waits for it.
	waiting atomic.Bool
	// cancelled tells a loader, which runs outside the queue, that nobody wants what it loads.
	cancelled atomic.Bool

	// The fields below belong to the queue.
	state       shardState
	epoch       int32
	leaderLog   Log
	unsubscribe func()
	machine     M
	timers      *machine.Timers
	written     int64 // the offset after the last record that was loaded or appended
	pending     pendingQueue
	commitTimer machine.Timer // fails pending operations
	wakeUp      clock.Timer
	wakeUpAt    time.Time // when wakeUp fires; zero when it does not
}

func newShard[M machine.Machine](r *Runtime[M], partition int32) *shard[M] {
	return &shard[M]{
		runtime: r, partition: partition, epoch: -1,
		log: r.options.Logger.With("partition", partition),
	}
}

// submit puts an event into the queue, and runs the queue if nobody does.
func (s *shard[M]) submit(event func()) {
	s.mu.Lock()
	s.queue = append(s.queue, event)
	if s.running {
		s.mu.Unlock()
		return
	}
	s.running = true
	s.mu.Unlock()
	s.run()
}

// run runs events until the queue is empty.
func (s *shard[M]) run() {
	ran := 0
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.queue = nil // an idle shard keeps no buffer
			s.running = false
			s.mu.Unlock()
			return
		}
		if ran >= maxEventsPerTurn {
			s.mu.Unlock()
			go s.run()
			return
		}
		events := s.queue
		s.queue = nil
		s.mu.Unlock()
		for _, event := range events {
			event()
		}
		ran += len(events)
		s.runTimers()
		s.scheduleWakeUp()
	}
}

// available returns why an operation cannot be run, nil when it can.
func (s *shard[M]) available() error {
	switch s.state {
	case active:
		return nil
	case initial, loading:
		return protocol.CoordinatorLoadInProgress
	default:
		return protocol.NotCoordinator
	}
}

// lead begins to load the partition, or goes on in a newer epoch of the same leader.
func (s *shard[M]) lead(leaderEpoch int32, log Log) {
	if s.state == closed {
		s.runtime.Load(s.partition, leaderEpoch, log) // elected again while the last turn was being ended
		return
	}
	if leaderEpoch <= s.epoch {
		return
	}
	s.epoch, s.leaderLog = leaderEpoch, log
	switch s.state {
	case initial, failed:
		s.state = loading
		s.runtime.loads.add(func() { s.load(log) })
	case active:
		s.unsubscribe()
		s.unsubscribe = log.OnHighWatermark(s.onHighWatermark)
		s.completePending()
	}
}

// loaded takes over what a loader has read.
func (s *shard[M]) loaded(l *loader[M], err error) {
	if s.state != loading {
		return
	}
	if err != nil {
		s.log.Error("could not load the coordinator's partition; it is not served until the next election", "epoch", s.epoch, "err", err)
		s.state = failed
		return
	}
	s.log.Info("loaded coordinator", "epoch", s.epoch, "records", l.records, "bytes", l.bytes, "took", l.took)
	s.state = active
	s.machine, s.timers, s.written = l.machine, l.timers, l.next
	s.unsubscribe = s.leaderLog.OnHighWatermark(s.onHighWatermark)
	s.machine.Loaded(s.runtime.options.Clock.Now())
}

// fail stops serving after state and log have come apart, which only a mistake in a machine can cause.
func (s *shard[M]) fail(now time.Time, err error) {
	s.log.Error("coordinator state does not fit its log; the partition is not served until the next election", "err", err)
	s.stop(now)
	s.state = failed
}

// close ends serving the partition.
func (s *shard[M]) close() {
	s.cancelled.Store(true)
	if s.state == active {
		s.stop(s.runtime.options.Clock.Now())
		s.log.Info("unloaded coordinator", "epoch", s.epoch)
	}
	s.state = closed
}

// stop tells everybody who waits, and forgets the machine.
func (s *shard[M]) stop(now time.Time) {
	s.unsubscribe()
	for _, op := range s.pending.takeAll() {
		op.done(now, protocol.NotCoordinator)
	}
	s.waiting.Store(false)
	s.machine.Unloaded(now)
	s.timers.StopAll()
	if s.wakeUp != nil {
		s.wakeUp.Stop()
		s.wakeUp, s.wakeUpAt = nil, time.Time{}
	}
	var none M
	s.machine, s.timers = none, nil
}

// scheduleWakeUp makes sure that the shard runs when its earliest timer is due. Waking up too early, after a timer was
// moved, only costs the wake-up.
func (s *shard[M]) scheduleWakeUp() {
	if s.state != active {
		return
	}
	at, ok := s.timers.Next()
	if !ok || !s.wakeUpAt.IsZero() && !at.Before(s.wakeUpAt) {
		return
	}
	delay := at.Sub(s.runtime.options.Clock.Now())
	s.wakeUpAt = at
	if s.wakeUp == nil {
		s.wakeUp = s.runtime.options.Clock.AfterFunc(delay, func() { s.submit(s.wokenUp) })
		return
	}
	s.wakeUp.Reset(delay)
}

// wokenUp is the event of a wake-up; the timers are run after every event.
func (s *shard[M]) wokenUp() { s.wakeUpAt = time.Time{} }

// runTimers runs the timers that are due. When there are very many, requests get their turn in between: what is left
// wakes the shard up again at once.
func (s *shard[M]) runTimers() {
	for range maxEventsPerTurn {
		if s.state != active {
			return
		}
		now := s.runtime.options.Clock.Now()
		run, ok := s.timers.PopDue(now)
		if !ok {
			return
		}
		s.apply(now, run(now), nil)
	}
}
