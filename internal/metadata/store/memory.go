package store

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is a store in memory, which any number of clients in one process share. Its leases have no clock: they end when
// they are revoked, when their client is closed, or when a test says so (Expire). So everything in it is deterministic.
type Memory struct {
	mu      sync.Mutex // guards everything below, and the fields of clients and leases
	keys    map[string]memoryValue
	history []memoryRevision // of revisions compacted+1 ... revision
	low     int64            // history up to here is compacted
	now     int64
	changed chan struct{} // closed and replaced at every revision
	leases  map[int64]*memoryLease
	leaseID int64
	fault   Fault
}

// Fault is called before each operation of a client (before is true) and after it, with the operation's name ("range",
// "commit", "grant"). The error it returns is what the client gets: with before the operation does not happen, after it
// has happened, but its answer is lost.
type Fault func(client int, operation string, before bool) error

type memoryValue struct {
	value    []byte
	revision int64
	lease    int64
}

type memoryRevision struct {
	revision int64
	events   []Event
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{keys: map[string]memoryValue{}, changed: make(chan struct{}), leases: map[int64]*memoryLease{}}
}

// Client returns a new client. The number is only told to the fault hook.
func (m *Memory) Client(number int) Backend {
	return &memoryClient{store: m, number: number, closed: make(chan struct{})}
}

// SetFault installs a hook that makes operations fail; nil removes it.
func (m *Memory) SetFault(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// Compact forgets the history up to the present revision.
func (m *Memory) Compact() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.history, m.low = nil, m.now
}

// Expire ends a lease as if its client had not been heard of for too long.
func (m *Memory) Expire(lease int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.endLease(lease)
}

func (m *Memory) endLease(id int64) {
	l := m.leases[id]
	if l == nil {
		return
	}
	delete(m.leases, id)
	close(l.done)
	var ops []Op
	for key, v := range m.keys {
		if v.lease == id {
			ops = append(ops, Op{Key: key, Delete: true})
		}
	}
	slices.SortFunc(ops, func(a, b Op) int { return strings.Compare(a.Key, b.Key) })
	if len(ops) > 0 {
		m.write(ops)
	}
}

func (m *Memory) write(ops []Op) int64 {
	m.now++
	var events []Event
	for _, op := range ops {
		events = append(events, m.writeOne(op)...)
	}
	m.history = append(m.history, memoryRevision{revision: m.now, events: events})
	close(m.changed)
	m.changed = make(chan struct{})
	return m.now
}

func (m *Memory) writeOne(op Op) []Event {
	if !op.Delete {
		_, there := m.keys[op.Key]
		v := memoryValue{value: slices.Clone(op.Value), revision: m.now}
		if op.Lease != nil {
			v.lease = op.Lease.ID()
		}
		m.keys[op.Key] = v
		return []Event{{Key: op.Key, Value: v.value, Created: !there}}
	}
	var events []Event
	for _, key := range m.matching(op.Key, op.Prefix) {
		delete(m.keys, key)
		events = append(events, Event{Key: key, Deleted: true})
	}
	return events
}

func (m *Memory) matching(key string, prefix bool) []string {
	if !prefix {
		if _, ok := m.keys[key]; ok {
			return []string{key}
		}
		return nil
	}
	var found []string
	for k := range m.keys {
		if strings.HasPrefix(k, key) {
			found = append(found, k)
		}
	}
	slices.Sort(found)
	return found
}

type memoryClient struct {
	store  *Memory
	number int
	closed chan struct{}
}

// do runs an operation with the fault hook around it.
func (c *memoryClient) do(ctx context.Context, operation string, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := c.store
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-c.closed:
		return ErrClosed
	default:
	}
	if m.fault != nil {
		if err := m.fault(c.number, operation, true); err != nil {
			return err
		}
	}
	err := f()
	if err == nil && m.fault != nil {
		err = m.fault(c.number, operation, false)
	}
	return err
}

func (c *memoryClient) Range(ctx context.Context, prefix string) (found []KeyValue, revision int64, err error) {
	err = c.do(ctx, "range", func() error {
		for _, key := range c.store.matching(prefix, true) {
			v := c.store.keys[key]
			found = append(found, KeyValue{Key: key, Value: v.value, Revision: v.revision})
		}
		revision = c.store.now
		return nil
	})
	return found, revision, err
}

func (c *memoryClient) Commit(ctx context.Context, conditions []Condition, ops []Op) (revision int64, err error) {
	err = c.do(ctx, "commit", func() error {
		if limits := c.Limits(); len(ops) > limits.Ops || size(ops) > limits.Bytes {
			return ErrTooLarge
		}
		for _, cond := range conditions {
			if c.store.keys[cond.Key].revision != cond.Revision {
				return ErrConflict
			}
		}
		for _, op := range ops {
			if op.Lease != nil && c.store.leases[op.Lease.ID()] == nil {
				return ErrLeaseLost
			}
		}
		revision = c.store.write(ops)
		return nil
	})
	return revision, err
}

func (c *memoryClient) Watch(ctx context.Context, after int64, changed func(int64, []Event) error) error {
	for {
		next, signal, err := c.after(after)
		if err != nil {
			return err
		}
		for _, r := range next {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := changed(r.revision, r.events); err != nil {
				return err
			}
			after = r.revision
		}
		if len(next) > 0 {
			continue
		}
		select {
		case <-signal:
		case <-ctx.Done():
			return ctx.Err()
		case <-c.closed:
			return ErrClosed
		}
	}
}

func (c *memoryClient) after(revision int64) ([]memoryRevision, chan struct{}, error) {
	m := c.store
	m.mu.Lock()
	defer m.mu.Unlock()
	if revision < m.low {
		return nil, nil, ErrCompacted
	}
	return slices.Clone(m.history[min(revision-m.low, int64(len(m.history))):]), m.changed, nil
}

func (c *memoryClient) Grant(ctx context.Context, _ time.Duration) (Lease, error) {
	var l *memoryLease
	err := c.do(ctx, "grant", func() error {
		c.store.leaseID++
		l = &memoryLease{id: c.store.leaseID, client: c, done: make(chan struct{})}
		c.store.leases[l.id] = l
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Limits are those of an external etcd with its usual settings, so that tests meet the same borders.
func (c *memoryClient) Limits() Limits { return Limits{Ops: 128, Bytes: 1 << 20} }

func (c *memoryClient) Close() error {
	m := c.store
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-c.closed:
		return nil
	default:
	}
	close(c.closed)
	var mine []int64
	for id, l := range m.leases {
		if l.client == c {
			mine = append(mine, id)
		}
	}
	slices.Sort(mine)
	for _, id := range mine {
		m.endLease(id)
	}
	return nil
}

type memoryLease struct {
	id     int64
	client *memoryClient
	done   chan struct{}
}

func (l *memoryLease) ID() int64             { return l.id }
func (l *memoryLease) Done() <-chan struct{} { return l.done }

func (l *memoryLease) Revoke(ctx context.Context) error {
	return l.client.do(ctx, "revoke", func() error {
		l.client.store.endLease(l.id)
		return nil
	})
}
