package storage

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/storage/compact"
)

// cleaner compacts the logs of a manager. It has no goroutine while there is nothing to do: each of its threads is a timer that looks
// for work and sleeps again.
type cleaner struct {
	manager   *Manager
	throttler compact.Throttler
	stop      chan struct{} // closed with the manager

	mu          sync.Mutex    // guards the rest; taken after no other lock
	threads     map[int]bool  // those that work or sleep
	running     map[*Log]bool // that are being cleaned, or whose retention is being applied
	uncleanable map[*Log]string
	notBefore   map[*Log]time.Time // logs that have to wait after a failure that may pass
	stats       CleanerStats
}

func (c *cleaner) init(m *Manager) {
	c.manager, c.stop = m, make(chan struct{})
	c.threads, c.running, c.uncleanable, c.notBefore = map[int]bool{}, map[*Log]bool{}, map[*Log]string{}, map[*Log]time.Time{}
	c.stats.LastOfThread = map[int]CleaningStats{}
}

// adjust starts the threads that are missing. Those that are too many end by themselves.
func (c *cleaner) adjust() {
	o := &c.manager.options().Cleaner
	if o.Disabled || c.stopped() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range o.Threads {
		if !c.threads[id] {
			c.threads[id] = true
			c.manager.later(o.Backoff, func() { c.round(id) })
		}
	}
}

// halt has whatever is being cleaned end soon.
func (c *cleaner) halt() { close(c.stop) }

func (c *cleaner) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// round is a thread's work between two sleeps.
func (c *cleaner) round(id int) {
	for {
		o := &c.manager.options().Cleaner
		if o.Disabled || id >= o.Threads || c.stopped() {
			c.mu.Lock()
			delete(c.threads, id)
			c.mu.Unlock()
			return
		}
		worked := c.cleanFilthiest(id)
		c.applyRetention()
		if !worked {
			c.manager.later(o.Backoff, func() { c.round(id) })
			return
		}
	}
}

// cleanFilthiest cleans the log that needs it most, and returns false if none needs it.
func (c *cleaner) cleanFilthiest(thread int) bool {
	l, candidate := c.grab()
	if l == nil {
		return false
	}
	defer c.release(l)
	w := newCleaning(c, l, candidate, thread)
	var err error
	atLowPriority(func() { err = w.run() })
	c.note(l, w, err)
	return true
}

// grab chooses the log with the largest dirty part among those that are waiting to be cleaned.
func (c *cleaner) grab() (*Log, compact.Candidate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.manager.clock.Now()
	var filthiest *Log
	var best compact.Candidate
	c.stats.LastLook, c.stats.MaxDirtyRatio, c.stats.MaxDelay, c.stats.CleanableCount = now, 0, 0, 0
	c.forgetClosed()
	for _, l := range c.manager.All() {
		settings := l.Config()
		if !settings.CleanupCompact || c.running[l] || c.uncleanable[l] != "" || now.Before(c.notBefore[l]) || l.dir.online() != nil || len(l.list()) == 1 {
			continue
		}
		candidate, err := c.consider(l, settings, now)
		if err != nil {
			c.failed(l, fmt.Errorf("finding out how dirty it is: %w", err))
			continue
		}
		c.stats.MaxDirtyRatio = max(c.stats.MaxDirtyRatio, candidate.Ratio())
		c.stats.MaxDelay = max(c.stats.MaxDelay, time.Duration(candidate.DelayMs)*time.Millisecond)
		if !candidate.Wanted(settings.MinCleanableDirtyRate) {
			continue
		}
		c.stats.CleanableCount++
		if filthiest == nil || candidate.Ratio() > best.Ratio() {
			filthiest, best = l, candidate
		}
	}
	if filthiest != nil {
		c.running[filthiest] = true
	}
	return filthiest, best
}

// consider finds out how a log stands, and corrects a checkpoint that does not fit it.
func (c *cleaner) consider(l *Log, settings *config.Topic, now time.Time) (compact.Candidate, error) {
	candidate, err := compact.Consider(l.compactionView(settings), now.UnixMilli())
	if err == nil && candidate.InvalidTo >= 0 && l.cleanedTo.CompareAndSwap(candidate.InvalidTo, candidate.FirstDirty) {
		l.dir.cleanerOffsets.changed()
		if !settings.CleanupDelete {
			l.logger.Warn("the cleaner's checkpoint does not fit the log, which is cleaned from its start", "partition", l.tp.String(),
				"checkpoint", candidate.InvalidTo, "logStartOffset", l.LogStartOffset(), "logEndOffset", l.LogEndOffset())
		}
	}
	return candidate, err
}

// compactionView returns what choosing wants to know of a log.
func (l *Log) compactionView(settings *config.Topic) compact.Log {
	list := l.list()
	view := compact.Log{
		Segments: make([]compact.Segment, len(list)), StartOffset: l.LogStartOffset(), EndOffset: l.LogEndOffset(), LastStableOffset: l.LastStableOffset(),
		CleanedTo: l.cleanedTo.Load(), MinLagMs: settings.MinCompactionLagMs, MaxLagMs: settings.MaxCompactionLagMs,
		LargestTimestamp: func(i int) (int64, error) { return list[i].newestMs() },
		FirstTimestamp:   func(i int) (int64, error) { return list[i].firstTimestamp() },
	}
	for i, s := range list {
		view.Segments[i] = compact.Segment{Base: s.base, SizeBytes: s.size()}
	}
	return view
}

func (c *cleaner) release(l *Log) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, l)
}

// forgetClosed forgets the logs that are gone.
func (c *cleaner) forgetClosed() {
	for l := range c.uncleanable {
		if known, _ := c.manager.Get(l.tp); known != l {
			delete(c.uncleanable, l)
		}
	}
	for l := range c.notBefore {
		if known, _ := c.manager.Get(l.tp); known != l {
			delete(c.notBefore, l)
		}
	}
}

// retryAfter is how long a log waits after a failure that may pass, such as a full disk.
const retryAfter = time.Minute

// note takes down how a cleaning ended.
func (c *cleaner) note(l *Log, w *cleaning, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.stats.Cleanings++
		c.stats.BytesRead += w.stats.BytesRead
		c.stats.BytesWritten += w.stats.BytesWritten
		c.stats.LastOfThread[w.stats.Thread] = w.stats
		w.stats.log(l.logger)
		return
	}
	c.failed(l, err)
}

// failed decides what becomes of a log that could not be cleaned. The caller holds mu.
func (c *cleaner) failed(l *Log, err error) {
	switch {
	case errors.Is(err, errCleaningAborted), errors.Is(err, ErrClosed):
		c.stats.Aborted++
		l.logger.Info("the cleaning of a log was given up", "partition", l.tp.String(), "reason", err)
		return
	case errors.Is(err, ErrDirOffline):
		c.stats.Aborted++
		return
	}
	c.stats.Failed++
	if errors.Is(err, ErrNoSpace) || errors.Is(err, ErrIO) || isTransient(err) {
		c.notBefore[l] = c.manager.clock.Now().Add(retryAfter)
		l.logger.Warn("a log could not be cleaned; it is tried again", "partition", l.tp.String(), "error", err)
		return
	}
	c.uncleanable[l] = err.Error()
	l.logger.Error("a log cannot be cleaned and is left as it is until a restart: it keeps growing", "partition", l.tp.String(), "dir", l.path(), "error", err)
}

// applyRetention removes what retention no longer wants from compacted logs, between two cleanings as Apache Kafka does.
func (c *cleaner) applyRetention() {
	for _, l := range c.manager.All() {
		if !l.Config().CleanupCompact || l.dir.online() != nil || !c.claim(l) {
			continue
		}
		if _, err := l.ApplyRetention(); err != nil && !l.isClosed() {
			l.logger.Error("retention failed", "partition", l.tp.String(), "error", err)
		}
		c.release(l)
	}
}

// claim keeps others from cleaning a log, unless somebody does already.
func (c *cleaner) claim(l *Log) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[l] {
		return false
	}
	c.running[l] = true
	return true
}

// throttle takes note of bytes that were read or written, and rests as long as the configured rate wants it.
func (c *cleaner) throttle(sizeBytes int) {
	rest := c.throttler.Observe(sizeBytes, c.manager.clock.Now(), c.manager.options().Cleaner.MaxBytesPerSecond)
	if rest <= 0 {
		return
	}
	done := make(chan struct{})
	timer := c.manager.clock.AfterFunc(rest, func() { close(done) })
	defer timer.Stop()
	select {
	case <-done:
	case <-c.stop:
	}
}
