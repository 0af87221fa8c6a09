// Package run is the doing part of replication: the partitions of this broker, their appends and reads, and what waits for them.
package run

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/storage"
)

// AcksAll is the acks value of a producer that wants all in-sync replicas to have its batch.
const AcksAll int16 = -1

// Partition is one partition that this broker holds. The log owns offsets and bytes; the partition owns who leads and who waits.
type Partition struct {
	storage.TopicPartition
	TopicID [16]byte

	log         *storage.Log
	leaderEpoch atomic.Int32

	arrived atomic.Int64 // bytes that have come below the high watermark; see ArrivedBytes
	waiting atomic.Int32 // len(waiters), read without the lock by every append
	mu      sync.Mutex   // guards waiters and closed
	waiters map[*Waiter]watch
	closed  bool

	onAdvance atomic.Pointer[[]*func()] // copied on change; nil for nearly all partitions
}

// Log returns the partition's log, for reading and describing it.
func (p *Partition) Log() *storage.Log { return p.log }

// LeaderEpoch returns the epoch of the current leadership.
func (p *Partition) LeaderEpoch() int32 { return p.leaderEpoch.Load() }

// CheckEpoch compares the leader epoch that a client believes in, -1 for none, with the partition's (KIP-320).
func (p *Partition) CheckEpoch(clientEpoch int32) protocol.Code {
	if clientEpoch == -1 {
		return protocol.None
	}
	switch epoch := p.leaderEpoch.Load(); {
	case clientEpoch < epoch:
		return protocol.FencedLeaderEpoch
	case clientEpoch > epoch:
		return protocol.UnknownLeaderEpoch
	}
	return protocol.None
}

// Append writes batches as the leader and wakes the readers that wait for them. The batches are changed in place (offsets, epoch); the
// leader epoch of the options is filled in here.
//
// The high watermark follows at once, for the leader is the only replica. Where the topic wants batches on stable storage before
// they are acknowledged, it follows with the group commit, and durable tells the caller to wait for that with AwaitDurable.
func (p *Partition) Append(batches []byte, options storage.AppendOptions) (info storage.AppendInfo, durable bool, err error) {
	options.LeaderEpoch = p.leaderEpoch.Load()
	info, err = p.log.Append(batches, options)
	if err != nil {
		return info, false, err
	}
	if p.log.Config().SyncBeforeAck {
		return info, true, nil
	}
	p.Advance(info.LastOffset+1, info.SizeBytes)
	return info, false, nil
}

// AwaitDurable calls done when the batches of an append are on stable storage, or cannot be brought there. Only then are they shown to
// readers.
func (p *Partition) AwaitDurable(info storage.AppendInfo, done func(error)) {
	p.log.WaitDurable(info.LastOffset+1, func(err error) {
		if err == nil {
			p.Advance(info.LastOffset+1, info.SizeBytes)
		}
		done(err)
	})
}

// Advance moves the high watermark forward by batches of sizeBytes, and with it, where no transaction is open, the last stable offset.
func (p *Partition) Advance(highWatermark int64, sizeBytes int) {
	p.log.RaiseHighWatermark(highWatermark)
	p.arrived.Add(int64(sizeBytes)) // after the high watermark: see ArrivedBytes
	if p.waiting.Load() > 0 {
		p.notify()
	}
	if hooks := p.onAdvance.Load(); hooks != nil {
		for _, f := range *hooks {
			(*f)()
		}
	}
}

// ArrivedBytes counts what has come below the high watermark since the start. A reader takes it before it looks at the high watermark, and waits
// for more than that: what comes between the two may then be counted although it was read, so that the reader looks too early, but never
// be missed.
func (p *Partition) ArrivedBytes() int64 { return p.arrived.Load() }

func (p *Partition) notify() {
	for _, w := range p.count() {
		w.Fire()
	}
}

// count tells the waiters what has arrived and returns those that have enough. They are fired without the lock: what a waiter does may
// take it off its partitions.
func (p *Partition) count() (enough []*Waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for w, s := range p.waiters {
		if p.countLocked(w, s) {
			enough = append(enough, w)
		}
	}
	return enough
}

// countLocked tells one waiter what has arrived since it was last told, and reports whether it has enough now.
func (p *Partition) countLocked(w *Waiter, s watch) bool {
	more := s.advance(p)
	if more <= 0 {
		return false
	}
	p.waiters[w] = s
	return w.arrived(more)
}

// OnAdvance has f called after each advance of the high watermark, by the goroutine that appended. The returned function ends that.
func (p *Partition) OnAdvance(f func()) (cancel func()) {
	entry := &f
	p.changeOnAdvance(func(l []*func()) []*func() { return append(slices.Clone(l), entry) })
	return func() {
		p.changeOnAdvance(func(l []*func()) []*func() {
			return slices.DeleteFunc(slices.Clone(l), func(e *func()) bool { return e == entry })
		})
	}
}

func (p *Partition) changeOnAdvance(change func([]*func()) []*func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*func()
	if old := p.onAdvance.Load(); old != nil {
		list = *old
	}
	list = change(list)
	p.onAdvance.Store(&list)
}

// Interrupt wakes everybody who waits for the partition, whatever has arrived: its state changed in a way that an answer must show.
func (p *Partition) Interrupt() {
	p.mu.Lock()
	waiters := slices.Collect(maps.Keys(p.waiters))
	p.mu.Unlock()
	for _, w := range waiters { // without the lock: what a waiter does may take it off its partitions
		w.Fire()
	}
}

func (p *Partition) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Interrupt()
}

// EnoughInSync tells whether a batch with acks=all may be taken (min.insync.replicas). The setting is bounded by the number of replicas, as
// in Apache Kafka, or a topic with fewer replicas than the default asks for could never be written to.
func (p *Partition) EnoughInSync() bool {
	const inSync, replicas = 1, 1
	return inSync >= min(p.log.Config().MinInsyncReplicas, replicas)
}
