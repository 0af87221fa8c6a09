package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"ottla.dev/ottla/internal/metadata/store"
)

// client is a store.Backend over an etcd client. Keys lie under a prefix.
type client struct {
	etcd   *clientv3.Client
	prefix string
	limits store.Limits
	page   int64                  // keys per answer of a range
	admit  func([]store.Op) error // refuses commits before they reach etcd; nil: none

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // the goroutines that keep leases alive
	stop   func() error   // releases what lies below, after everything here has ended
}

func newClient(c *clientv3.Client, prefix string, limits store.Limits, page int64, stop func() error) *client {
	ctx, cancel := context.WithCancel(context.Background())
	return &client{etcd: c, prefix: prefix, limits: limits, page: page, ctx: ctx, cancel: cancel, stop: stop}
}

// Limits implements store.Backend.
func (c *client) Limits() store.Limits { return c.limits }

// Close implements store.Backend.
func (c *client) Close() error {
	if c.ctx.Err() != nil {
		return nil
	}
	c.cancel()
	c.wg.Wait()
	return c.stop()
}

// operation joins the caller's context with the client's life.
func (c *client) operation(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(c.ctx, cancel)
	return ctx, func() { unhook(); cancel() }
}

// Range implements store.Backend. It reads page by page, all pages as of the first one's revision.
func (c *client) Range(ctx context.Context, prefix string) ([]store.KeyValue, int64, error) {
	ctx, cancel := c.operation(ctx)
	defer cancel()
	from := c.prefix + prefix
	end := clientv3.GetPrefixRangeEnd(from)
	var found []store.KeyValue
	revision := int64(0)
	for {
		opts := []clientv3.OpOption{clientv3.WithRange(end), clientv3.WithLimit(c.page)}
		if revision > 0 {
			opts = append(opts, clientv3.WithRev(revision))
		}
		answer, err := c.etcd.Get(ctx, from, opts...)
		if err != nil {
			return nil, 0, c.translate(err)
		}
		if revision == 0 {
			revision = answer.Header.Revision
		}
		for _, kv := range answer.Kvs {
			found = append(found, store.KeyValue{Key: strings.TrimPrefix(string(kv.Key), c.prefix), Value: kv.Value, Revision: kv.ModRevision})
		}
		if !answer.More {
			return found, revision, nil
		}
		from = string(answer.Kvs[len(answer.Kvs)-1].Key) + "\x00"
	}
}

// Commit implements store.Backend.
func (c *client) Commit(ctx context.Context, conditions []store.Condition, ops []store.Op) (int64, error) {
	if c.admit != nil {
		if err := c.admit(ops); err != nil {
			return 0, err
		}
	}
	ctx, cancel := c.operation(ctx)
	defer cancel()
	compares := make([]clientv3.Cmp, len(conditions))
	for i, cond := range conditions {
		compares[i] = clientv3.Compare(clientv3.ModRevision(c.prefix+cond.Key), "=", cond.Revision)
	}
	thens := make([]clientv3.Op, len(ops))
	for i, op := range ops {
		thens[i] = c.op(op)
	}
	answer, err := c.etcd.Txn(ctx).If(compares...).Then(thens...).Commit()
	if err != nil {
		return 0, c.translate(err)
	}
	if !answer.Succeeded {
		return 0, store.ErrConflict
	}
	return answer.Header.Revision, nil
}

func (c *client) op(op store.Op) clientv3.Op {
	key := c.prefix + op.Key
	switch {
	case op.Delete && op.Prefix:
		return clientv3.OpDelete(key, clientv3.WithPrefix())
	case op.Delete:
		return clientv3.OpDelete(key)
	case op.Lease != nil:
		return clientv3.OpPut(key, string(op.Value), clientv3.WithLease(clientv3.LeaseID(op.Lease.ID())))
	}
	return clientv3.OpPut(key, string(op.Value))
}

// Watch implements store.Backend.
func (c *client) Watch(ctx context.Context, after int64, changed func(int64, []store.Event) error) error {
	ctx, cancel := c.operation(ctx)
	defer cancel()
	answers := c.etcd.Watch(clientv3.WithRequireLeader(ctx), c.prefix, clientv3.WithPrefix(), clientv3.WithRev(after+1))
	for answer := range answers {
		if err := answer.Err(); err != nil {
			return c.translate(err)
		}
		if err := eachRevision(answer.Events, c.prefix, changed); err != nil {
			return err
		}
	}
	if c.ctx.Err() != nil {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.New("etcd: watch ended")
}

// eachRevision cuts an answer into revisions: etcd sends the events of one revision in one answer, and often several of
// them together.
func eachRevision(events []*clientv3.Event, prefix string, changed func(int64, []store.Event) error) error {
	for len(events) > 0 {
		revision := events[0].Kv.ModRevision
		var same []store.Event
		for len(events) > 0 && events[0].Kv.ModRevision == revision {
			e := events[0]
			same = append(same, store.Event{
				Key: strings.TrimPrefix(string(e.Kv.Key), prefix), Value: e.Kv.Value,
				Created: e.IsCreate(), Deleted: e.Type == mvccpb.Event_DELETE,
			})
			events = events[1:]
		}
		if err := changed(revision, same); err != nil {
			return err
		}
	}
	return nil
}

// translate maps etcd's errors to those of package store.
func (c *client) translate(err error) error {
	if c.ctx.Err() != nil {
		return store.ErrClosed
	}
	switch {
	case errors.Is(err, rpctypes.ErrCompacted):
		return store.ErrCompacted
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		return store.ErrLeaseLost
	case errors.Is(err, rpctypes.ErrNoSpace):
		return store.ErrFull
	case errors.Is(err, rpctypes.ErrRequestTooLarge), errors.Is(err, rpctypes.ErrTooManyOps):
		return store.ErrTooLarge
	}
	return fmt.Errorf("etcd: %w", err)
}

// Grant implements store.Backend.
func (c *client) Grant(ctx context.Context, ttl time.Duration) (store.Lease, error) {
	op, cancel := c.operation(ctx)
	defer cancel()
	seconds := int64((ttl + time.Second - 1) / time.Second)
	granted, err := c.etcd.Grant(op, seconds)
	if err != nil {
		return nil, c.translate(err)
	}
	life, end := context.WithCancel(c.ctx)
	alive, err := c.etcd.KeepAlive(life, granted.ID)
	if err != nil {
		end()
		return nil, c.translate(err)
	}
	l := &lease{client: c, id: granted.ID, done: make(chan struct{}), end: end}
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		defer close(l.done)
		for range alive {
		}
	}()
	return l, nil
}

type lease struct {
	client *client
	id     clientv3.LeaseID
	done   chan struct{}
	end    context.CancelFunc
}

func (l *lease) ID() int64             { return int64(l.id) }
func (l *lease) Done() <-chan struct{} { return l.done }

func (l *lease) Revoke(ctx context.Context) error {
	l.end()
	ctx, cancel := l.client.operation(ctx)
	defer cancel()
	if _, err := l.client.etcd.Revoke(ctx, l.id); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return l.client.translate(err)
	}
	return nil
}
