package run

import (
	"context"
	"errors"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/protocol"
)

// errNotController carries no message, as Kafka's: its text is the one that clients have for the code.
var errNotController error = protocol.NotController

// request is one that waits for the controller.
type request struct {
	ctx    context.Context
	decide func(controller.Env, *metadata.Image) ([]metadata.Record, error) // keeps the response
	done   chan error                                                       // gets one value: nil once the response holds
}

// do has the controller decide about something, and waits until that is stored and the image shows it.
func (r *Run) do(ctx context.Context, decide func(controller.Env, *metadata.Image) ([]metadata.Record, error)) error {
	if ctx.Err() != nil {
		return protocol.RequestTimedOut
	}
	if id := r.Image().ControllerID; id != metadata.NoLeader && id != r.o.NodeID {
		return errNotController
	}
	req := &request{ctx: ctx, decide: decide, done: make(chan error, 1)}
	select {
	case <-r.ctx.Done():
		return errNotController
	default:
	}
	select {
	case r.requests <- req:
	case <-ctx.Done():
		return protocol.RequestTimedOut
	case <-r.ctx.Done():
		return errNotController
	}
	select {
	case err := <-req.done:
		return err
	case <-ctx.Done():
		return protocol.RequestTimedOut
	case <-r.ctx.Done():
	}
	select { // an answer that came with the end counts
	case err := <-req.done:
		return err
	default:
		return errNotController
	}
}

// collect takes what else waits, to store it together.
func (r *Run) collect(first *request) []*request {
	batch := []*request{first}
	for len(batch) < maxBatch {
		select {
		case next := <-r.requests:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// refuseAll answers what waits when this node stops.
func (r *Run) refuseAll() {
	for {
		select {
		case req := <-r.requests:
			req.done <- errNotController
		default:
			return
		}
	}
}

// serve decides about requests one after the other, each on the image that the ones before it make, and stores all
// together. An error means that the term is over.
func (r *Run) serve(ctx context.Context, term *store.Term, batch []*request) error {
	for {
		err := r.decideAll(ctx, term, batch)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, store.ErrStale):
			// An earlier proposal was stored although its answer was lost. Look, and decide again.
			if err := r.catchUp(ctx, 0); err != nil {
				return refuse(batch, err)
			}
			continue
		case errors.Is(err, store.ErrDeposed), errors.Is(err, store.ErrClosed), ctx.Err() != nil:
			return refuse(batch, err)
		}
		r.o.Log.Error("a change of the metadata was not stored", "error", err)
		for _, req := range batch {
			req.done <- clientError(err)
		}
		if err := r.catchUp(ctx, 0); err != nil {
			return err
		}
		return nil
	}
}

func refuse(batch []*request, err error) error {
	for _, req := range batch {
		req.done <- errNotController
	}
	return err
}

// decideAll answers all requests of the batch, or none if it returns an error.
func (r *Run) decideAll(ctx context.Context, term *store.Term, batch []*request) error {
	base := r.Image()
	env := controller.Env{Config: r.o.Config(), Random: r.o.Random}
	now := base
	var all []metadata.Record
	answers := make([]error, len(batch))
	for i, req := range batch {
		if req.ctx.Err() != nil {
			answers[i] = protocol.RequestTimedOut
			continue
		}
		records, err := req.decide(env, now)
		if err != nil {
			answers[i] = err
			continue
		}
		if len(records) == 0 {
			continue
		}
		next, _, err := now.Apply(now.Revision, records...)
		if err != nil {
			r.o.Log.Error("the controller decided what cannot be", "error", err)
			answers[i] = protocol.UnknownServerError
			continue
		}
		now = next
		all = append(all, records...)
	}
	if len(all) > 0 {
		if _, err := r.store(ctx, term, base, all); err != nil {
			return err
		}
	}
	for i, req := range batch {
		req.done <- answers[i]
	}
	return nil
}

// clientError is what clients are told where the store fails. The change may have been stored or not, except where the
// store says that it was not.
func clientError(err error) error {
	switch {
	case errors.Is(err, store.ErrFull):
		return protocol.Errorf(protocol.KafkaStorageError, "The metadata store is full.")
	case errors.Is(err, store.ErrTooLarge):
		return protocol.Errorf(protocol.PolicyViolation, "Unable to perform excessively large batch operation.")
	}
	return protocol.Errorf(protocol.RequestTimedOut, "The metadata store did not answer.")
}
