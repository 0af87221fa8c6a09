package run

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
)

// Options say what a Run works with.
type Options struct {
	Store     *store.Store
	NodeID    int32
	ClusterID string            // "": that of the store, or a new one where the store is fresh; else both must agree
	Bootstrap []metadata.Record // what a fresh cluster begins with; nil: the default levels of all features
	Config    func() *config.Snapshot
	LeaseTTL  time.Duration // after how long without a sign of life another node may become controller; 0: 10 s
	Clock     clock.Clock   // nil: the machine's
	Random    io.Reader     // nil: crypto/rand
	Log       *slog.Logger  // nil: none
}

const (
	defaultLeaseTTL = 10 * time.Second
	retryAfter      = 200 * time.Millisecond // after an error of the store
	maxWaiting      = 1000                   // requests that wait for the controller
	maxBatch        = 100                    // requests that are stored together
)

// Run follows the metadata and, where elected, changes it.
type Run struct {
	o        Options
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	requests chan *request
	leading  atomic.Bool

	image atomic.Pointer[metadata.Image]

	publishing  sync.Mutex // held while an image is made known; guards subscribers
	subscribers map[int]func(old, new *metadata.Image, delta *metadata.Delta)
	nextID      int

	mu          sync.Mutex    // guards what follows
	changed     chan struct{} // closed and replaced at every new image
	lease       store.Lease   // nil while there is none
	incarnation *metadata.UUID
	failed      error // why this node cannot go on; nil while it can
}

// Start loads the image and begins to follow the store and to stand for election. It returns once the image is loaded.
func Start(ctx context.Context, o Options) (*Run, error) {
	if o.LeaseTTL == 0 {
		o.LeaseTTL = defaultLeaseTTL
	}
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	img, err := o.Store.Load(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := controller.Bootstrap(img, o.ClusterID, o.Bootstrap); err != nil {
		return nil, err
	}
	r := &Run{
		o: o, requests: make(chan *request, maxWaiting), changed: make(chan struct{}),
		subscribers: map[int]func(old, new *metadata.Image, delta *metadata.Delta){},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.image.Store(img)
	r.wg.Add(2)
	go r.follow()
	go r.stand()
	return r, nil
}

// Close stops. Requests that wait are answered with NOT_CONTROLLER; what was proposed may or may not be stored.
func (r *Run) Close() error {
	r.cancel()
	r.wg.Wait()
	return nil
}

// Done is closed once the Run has stopped by itself, for the reason that Err gives, or by Close.
func (r *Run) Done() <-chan struct{} { return r.ctx.Done() }

// Err returns why the Run cannot go on: the metadata is damaged, or that of another cluster. It is nil while it can.
func (r *Run) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// Image returns the newest image.
func (r *Run) Image() *metadata.Image { return r.image.Load() }

// IsController reports whether this node is the elected controller.
func (r *Run) IsController() bool { return r.leading.Load() }

// Subscribe calls changed for every change of the image, in order and one at a time, beginning, before Subscribe returns,
// with one from the empty image to the present one. Image returns the new image, and requests that made the change are
// answered, once all subscribers are done with it: so a topic is not told to clients before its logs are there.
// changed must not call Subscribe, cancel, Wait or a request.
func (r *Run) Subscribe(changed func(old, new *metadata.Image, delta *metadata.Delta)) (cancel func()) {
	r.publishing.Lock()
	defer r.publishing.Unlock()
	empty, now := metadata.Empty(), r.Image()
	changed(empty, now, metadata.Compare(empty, now))
	id := r.nextID
	r.nextID++
	r.subscribers[id] = changed
	return func() {
		r.publishing.Lock()
		defer r.publishing.Unlock()
		delete(r.subscribers, id)
	}
}

// Wait returns the first image, from the present one on, for which ok holds.
func (r *Run) Wait(ctx context.Context, ok func(*metadata.Image) bool) (*metadata.Image, error) {
	for {
		r.mu.Lock()
		signal, failed := r.changed, r.failed
		r.mu.Unlock()
		if img := r.Image(); ok(img) {
			return img, nil
		}
		if failed != nil {
			return nil, failed
		}
		select {
		case <-signal:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.ctx.Done():
			if err := r.Err(); err != nil {
				return nil, err
			}
			return nil, errNotController
		}
	}
}

// publish makes the next image known.
func (r *Run) publish(next *metadata.Image, delta *metadata.Delta) {
	r.publishing.Lock()
	defer r.publishing.Unlock()
	old := r.Image()
	if !delta.Empty() {
		for id := range r.nextID {
			if changed := r.subscribers[id]; changed != nil {
				changed(old, next, delta)
			}
		}
	}
	r.image.Store(next)
	r.signal()
}

func (r *Run) signal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

// fail ends all waiting with an error that time will not heal.
func (r *Run) fail(err error) {
	r.o.Log.Error("the cluster's metadata cannot be followed", "error", err)
	r.mu.Lock()
	r.failed = err
	r.mu.Unlock()
	r.signal()
	r.cancel()
}

// follow applies what the store tells, until Close.
func (r *Run) follow() {
	defer r.wg.Done()
	for r.ctx.Err() == nil {
		err := r.o.Store.Watch(r.ctx, r.Image().Revision, func(revision int64, records []metadata.Record) error {
			next, delta, err := r.Image().Apply(revision, records...)
			if err != nil {
				return err
			}
			r.publish(next, delta)
			return nil
		})
		switch {
		case r.ctx.Err() != nil:
			return
		case errors.Is(err, store.ErrCompacted):
			err = r.reload()
		case errors.Is(err, store.ErrCorrupt), errors.Is(err, metadata.ErrInconsistent), errors.Is(err, store.ErrClosed):
			r.fail(err)
			return
		}
		if err != nil {
			r.o.Log.Warn("following the metadata is interrupted", "error", err)
			r.sleep(retryAfter)
		}
	}
}

// reload takes the whole metadata where the changes since the image are no longer to be had.
func (r *Run) reload() error {
	next, err := r.o.Store.Load(r.ctx)
	if err != nil {
		return fmt.Errorf("load again: %w", err)
	}
	r.publish(next, metadata.Compare(r.Image(), next))
	return nil
}

func (r *Run) sleep(d time.Duration) {
	over := make(chan struct{})
	timer := r.o.Clock.AfterFunc(d, func() { close(over) })
	defer timer.Stop()
	select {
	case <-over:
	case <-r.ctx.Done():
	}
}
