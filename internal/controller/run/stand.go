package run

import (
	"context"
	"errors"
	"time"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
)

// closeTimeout is how long Close tries to tell the others that this node goes; without that they wait for its lease.
const closeTimeout = 2 * time.Second

// stand stands for election, leads while elected, and stands again, until Close.
func (r *Run) stand() {
	defer r.wg.Done()
	defer r.refuseAll()
	for r.ctx.Err() == nil {
		if err := r.standOnce(); err != nil && r.ctx.Err() == nil {
			r.o.Log.Warn("this node is not the controller", "error", err)
			r.sleep(retryAfter)
		}
	}
}

// standOnce lives as long as one lease.
func (r *Run) standOnce() error {
	lease, err := r.o.Store.Lease(r.ctx, r.o.LeaseTTL)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	ended := make(chan struct{})
	defer func() { cancel(); <-ended }()
	go func() {
		defer close(ended)
		select {
		case <-lease.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	defer r.release(lease)
	if err := r.announceOn(ctx, lease); err != nil {
		return err
	}
	term, err := r.o.Store.Campaign(ctx, lease, r.o.NodeID)
	if err != nil {
		return err
	}
	r.o.Log.Info("this node is the controller", "epoch", term.Epoch)
	err = r.lead(ctx, term)
	if r.ctx.Err() != nil {
		goodbye, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), closeTimeout)
		defer cancel()
		_ = r.o.Store.Resign(goodbye, term)
	}
	return err
}

// release ends a lease, so that others need not wait for it to run out.
func (r *Run) release(lease store.Lease) {
	r.mu.Lock()
	r.lease = nil
	r.mu.Unlock()
	goodbye, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), closeTimeout)
	defer cancel()
	_ = lease.Revoke(goodbye)
}

// announceOn makes the lease the one of this node, and tells of its broker if that is registered already.
func (r *Run) announceOn(ctx context.Context, lease store.Lease) error {
	r.mu.Lock()
	r.lease = lease
	incarnation := r.incarnation
	r.mu.Unlock()
	if incarnation == nil {
		return nil
	}
	return r.o.Store.Announce(ctx, lease, r.o.NodeID, *incarnation)
}

// announce tells all that this node's broker is there, and waits until the image shows it.
func (r *Run) announce(ctx context.Context, incarnation metadata.UUID) error {
	r.mu.Lock()
	r.incarnation = &incarnation
	lease := r.lease
	r.mu.Unlock()
	if lease != nil {
		if err := r.o.Store.Announce(ctx, lease, r.o.NodeID, incarnation); err != nil && !errors.Is(err, store.ErrLeaseLost) {
			return err
		}
	}
	_, err := r.Wait(ctx, func(img *metadata.Image) bool { return img.Present[r.o.NodeID] == incarnation })
	return err
}

// lead takes requests for one term.
func (r *Run) lead(ctx context.Context, term *store.Term) error {
	if err := r.catchUp(ctx, term.Epoch); err != nil {
		return err
	}
	if err := r.bootstrap(ctx, term); err != nil {
		return err
	}
	r.leading.Store(true)
	defer r.leading.Store(false)
	for {
		select {
		case first := <-r.requests:
			if err := r.serve(ctx, term, r.collect(first)); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// catchUp waits for an image that holds all that was ever proposed, and is not older than the given revision.
func (r *Run) catchUp(ctx context.Context, revision int64) error {
	last, err := r.o.Store.Sync(ctx)
	if err != nil {
		return err
	}
	_, err = r.Wait(ctx, func(img *metadata.Image) bool { return img.Revision >= max(last, revision) })
	return err
}

// bootstrap stores what a fresh cluster begins with.
func (r *Run) bootstrap(ctx context.Context, term *store.Term) error {
	clusterID := r.o.ClusterID
	if clusterID == "" && r.Image().ClusterID == "" {
		id, err := metadata.NewUUID(r.o.Random)
		if err != nil {
			return err
		}
		clusterID = id.String()
	}
	records, err := controller.Bootstrap(r.Image(), clusterID, r.o.Bootstrap)
	if err != nil {
		r.fail(err)
		return err
	}
	if len(records) == 0 {
		return nil
	}
	_, err = r.store(ctx, term, r.Image(), records)
	return err
}

// store proposes the records' change of an image, and waits until the image shows it.
func (r *Run) store(ctx context.Context, term *store.Term, base *metadata.Image, records []metadata.Record) (int64, error) {
	next, delta, err := base.Apply(base.Revision, records...)
	if err != nil {
		return 0, err
	}
	revision, err := r.o.Store.Propose(ctx, term, next, delta)
	if err != nil {
		return 0, err
	}
	_, err = r.Wait(ctx, func(img *metadata.Image) bool { return img.Revision >= revision })
	return revision, err
}
