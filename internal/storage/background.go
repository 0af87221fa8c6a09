package storage

import (
	"math"
	"time"

	"ottla.dev/ottla/internal/clock"
)

// initialDelay is when background work begins: a start has better things to do.
const initialDelay = 30 * time.Second

// settleInterval is how often logs that were appended to and then left alone write out what they hold back of their indexes.
const settleInterval = 10 * time.Second

// pendingTimer is something that will be run unless the manager is closed first.
type pendingTimer struct{ timer clock.Timer }

// later runs f after a delay, in a goroutine of its own, unless the manager is closed first.
func (m *Manager) later(delay time.Duration, f func()) {
	m.timersMu.Lock()
	defer m.timersMu.Unlock()
	if m.closed {
		return
	}
	p := &pendingTimer{}
	m.timers[p] = struct{}{}
	p.timer = m.clock.AfterFunc(max(delay, 0), func() {
		m.timersMu.Lock()
		if _, pending := m.timers[p]; !pending || m.closed {
			m.timersMu.Unlock()
			return
		}
		delete(m.timers, p)
		m.running.Add(1)
		m.timersMu.Unlock()
		defer m.running.Done()
		f()
	})
}

// stopTimers ends the background work; false if it had ended before.
func (m *Manager) stopTimers() bool {
	m.timersMu.Lock()
	defer m.timersMu.Unlock()
	if m.closed {
		return false
	}
	m.closed = true
	for p := range m.timers {
		p.timer.Stop()
	}
	clear(m.timers)
	m.cleaner.halt()
	return true
}

// startBackground begins what goes on as long as the manager is open.
func (m *Manager) startBackground() {
	m.repeat(initialDelay, func(o *ManagerOptions) time.Duration { return o.RetentionCheckInterval }, m.applyRetention)
	m.repeat(0, func(o *ManagerOptions) time.Duration { return o.CheckpointInterval }, func() { m.checkpoint((*logDir).writeRecoveryPoints) })
	m.repeat(0, func(o *ManagerOptions) time.Duration { return o.StartOffsetInterval }, func() { m.checkpoint((*logDir).writeStartOffsets) })
	m.repeat(0, func(o *ManagerOptions) time.Duration { return o.HighWatermarkInterval }, func() { m.checkpoint((*logDir).writeHighWatermarks) })
	m.repeat(0, func(o *ManagerOptions) time.Duration { return o.ProducerIDExpirationScan }, m.expireProducers)
	m.repeat(0, func(*ManagerOptions) time.Duration { return settleInterval }, m.settle)
	m.repeat(0, flushInterval, m.flushByTime)
	m.cleaner.adjust()
}

// repeat runs work again and again. The first time is after the given delay, or after one interval where that is zero.
func (m *Manager) repeat(first time.Duration, interval func(*ManagerOptions) time.Duration, work func()) {
	if first == 0 {
		first = interval(m.options())
	}
	var round func()
	round = func() {
		work()
		m.later(interval(m.options()), round)
	}
	m.later(first, round)
}

func (m *Manager) eachDir(do func(*logDir)) {
	for _, d := range m.dirs {
		if d.online() == nil {
			do(d)
		}
	}
}

func (m *Manager) checkpoint(write func(*logDir) error) {
	m.eachDir(func(d *logDir) {
		if err := write(d); err != nil {
			_ = d.fail("writing a checkpoint", err)
		}
	})
}

func (m *Manager) applyRetention() {
	for _, l := range m.All() {
		if !m.cleaner.claim(l) {
			continue // it is being cleaned; the cleaner applies its retention
		}
		_, err := l.ApplyRetention()
		m.cleaner.release(l)
		if err != nil && !l.isClosed() {
			m.logger.Error("retention failed", "partition", l.tp.String(), "error", err)
		}
	}
}

func (m *Manager) expireProducers() {
	now, expiration := m.nowMs(), m.producerExpirationMs()
	for _, l := range m.All() {
		l.mu.Lock()
		if !l.closed {
			l.producers.expire(now, expiration)
		}
		l.mu.Unlock()
	}
}

// settle has logs that were touched, and then not touched for one round, write out what they hold back.
func (m *Manager) settle() {
	for _, l := range m.All() {
		if l.touched.Swap(false) {
			l.unsettled.Store(true)
			continue
		}
		if !l.unsettled.Swap(false) {
			continue
		}
		l.mu.Lock()
		var err error
		if l.usable() == nil {
			err = l.active().rest()
		}
		l.mu.Unlock()
		if ignoreTransient(err) != nil {
			_ = l.dir.fail("writing the indexes of "+l.tp.String(), err)
		}
	}
}

// flushCheckInterval is how often flush.ms is looked at where log.flush.scheduler.interval.ms does not say.
const flushCheckInterval = time.Second

func flushInterval(o *ManagerOptions) time.Duration {
	if o.FlushSchedulerInterval > 0 {
		return min(o.FlushSchedulerInterval, 24*time.Hour)
	}
	return flushCheckInterval
}

// flushByTime flushes the logs whose topic has a flush.ms that is over.
func (m *Manager) flushByTime() {
	now := m.nowMs()
	for _, l := range m.All() {
		c := l.Config()
		if c.FlushMs == math.MaxInt64 || l.LogEndOffset() <= l.RecoveryPoint() || now-l.flushedMs.Load() < c.FlushMs {
			continue
		}
		l.flushedMs.Store(now)
		if err := l.Flush(); err != nil {
			m.logger.Error("flush.ms: a flush failed", "partition", l.tp.String(), "error", err)
		}
	}
}
