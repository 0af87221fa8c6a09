package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ottla.dev/ottla/internal/metadata"
)

var (
	// ErrDeposed: another node is the controller now, and nothing was written.
	ErrDeposed = errors.New("metadata store: this node is no longer the controller")
	// ErrStale: a proposal whose answer got lost had been stored after all, so the image on which this one was decided is
	// not the newest. Nothing was written; see Store.Sync.
	ErrStale = errors.New("metadata store: decided on an old image")
)

// Store is the metadata of one cluster in a backend.
type Store struct{ backend Backend }

// New returns the store in a backend. Closing the store closes the backend.
func New(b Backend) *Store { return &Store{backend: b} }

// Close ends everything that goes on in the store.
func (s *Store) Close() error { return s.backend.Close() }

// Load reads the whole metadata.
func (s *Store) Load(ctx context.Context) (*metadata.Image, error) {
	keys, revision, err := s.backend.Range(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("load metadata: %w", err)
	}
	events := make([]Event, len(keys))
	epoch := int64(0)
	for i, kv := range keys {
		events[i] = Event{Key: kv.Key, Value: kv.Value, Created: true}
		if kv.Key == keyController {
			epoch = kv.Revision
		}
	}
	records, err := decode(events, epoch)
	if err != nil {
		return nil, fmt.Errorf("load metadata: %w", err)
	}
	img, _, err := metadata.Empty().Apply(revision, records...)
	if err != nil {
		return nil, fmt.Errorf("load metadata: %w: %w", ErrCorrupt, err)
	}
	return img, nil
}

// Watch calls changed with the records of each revision after the given one, in order, until the context ends, changed
// fails, or the backend does. A revision may come without records. ErrCompacted: Load, and Watch from there.
func (s *Store) Watch(ctx context.Context, after int64, changed func(revision int64, records []metadata.Record) error) error {
	return s.backend.Watch(ctx, after, func(revision int64, events []Event) error {
		records, err := decode(events, revision)
		if err != nil {
			return err
		}
		return changed(revision, records)
	})
}

// Term is the time in which one node is the controller. Its proposals are stored only as long as no other node has won
// an election after it. A term is used by one goroutine at a time.
type Term struct {
	ID    int32
	Epoch int64 // rises with every election

	sequence int64 // revision of the last proposal
}

// Propose stores the change from one image to the next: all of it or nothing of it, as long as it fits one transaction;
// a larger one is cut between topics. It returns the revision at which an image holds all of the change. After an error
// other than those of this package the change may have been stored or not: wait for what Sync says, and look.
func (s *Store) Propose(ctx context.Context, term *Term, next *metadata.Image, delta *metadata.Delta) (int64, error) {
	for _, ops := range group(encode(next, delta), s.backend.Limits()) {
		ops = append(ops, Op{Key: keySequence, Value: encodeNumber(term.sequence)})
		guards := []Condition{{keyController, term.Epoch}, {keySequence, term.sequence}}
		revision, err := s.backend.Commit(ctx, guards, ops)
		if errors.Is(err, ErrConflict) {
			return 0, s.explainConflict(ctx, term)
		}
		if err != nil {
			return 0, fmt.Errorf("store metadata: %w", err)
		}
		term.sequence = revision
	}
	return term.sequence, nil
}

// explainConflict tells whether the election or only the sequence moved on; in the latter case it catches up.
func (s *Store) explainConflict(ctx context.Context, term *Term) error {
	controller, err := s.read(ctx, keyController)
	if err != nil {
		return err
	}
	if controller.Revision != term.Epoch {
		return ErrDeposed
	}
	sequence, err := s.read(ctx, keySequence)
	if err != nil {
		return err
	}
	term.sequence = sequence.Revision
	return ErrStale
}

// Sync returns the revision of the last proposal: an image of that revision or a later one holds all that was stored
// before the call.
func (s *Store) Sync(ctx context.Context) (int64, error) {
	sequence, err := s.read(ctx, keySequence)
	return sequence.Revision, err
}

// read reads one key; the zero KeyValue if there is none.
func (s *Store) read(ctx context.Context, key string) (KeyValue, error) {
	kv, _, err := s.readAsOf(ctx, key)
	return kv, err
}

// readAsOf reads one key, and tells the revision of the store at which it was so.
func (s *Store) readAsOf(ctx context.Context, key string) (KeyValue, int64, error) {
	found, revision, err := s.backend.Range(ctx, key)
	if err != nil {
		return KeyValue{}, 0, fmt.Errorf("read %s: %w", key, err)
	}
	for _, kv := range found {
		if kv.Key == key {
			return kv, revision, nil
		}
	}
	return KeyValue{}, revision, nil
}

// Lease makes a sign of life for Campaign and Announce.
func (s *Store) Lease(ctx context.Context, ttl time.Duration) (Lease, error) {
	return s.backend.Grant(ctx, ttl)
}

// Announce tells all that a broker's process is there, as long as its lease lives.
func (s *Store) Announce(ctx context.Context, lease Lease, broker int32, incarnation metadata.UUID) error {
	_, err := s.backend.Commit(ctx, nil, []Op{{Key: presenceKey(broker), Value: encodePresence(incarnation), Lease: lease}})
	return err
}

// Campaign waits until the node is the controller. It stays so until its lease ends, it resigns, or a later process of
// the same node campaigns: that one need not wait for the lease of a process that was killed.
func (s *Store) Campaign(ctx context.Context, lease Lease, id int32) (*Term, error) {
	for {
		now, asOf, err := s.readAsOf(ctx, keyController)
		if err != nil {
			return nil, err
		}
		if now.Revision != 0 {
			holder, err := decodeNumber(now.Value)
			if err != nil {
				return nil, fmt.Errorf("%w: key %q: %v", ErrCorrupt, keyController, err)
			}
			if int32(holder) != id {
				if err := s.awaitGone(ctx, asOf); err != nil {
					return nil, err
				}
				continue
			}
		}
		epoch, err := s.backend.Commit(ctx, []Condition{{keyController, now.Revision}},
			[]Op{{Key: keyController, Value: encodeNumber(int64(id)), Lease: lease}})
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("campaign: %w", err)
		}
		sequence, err := s.read(ctx, keySequence)
		if err != nil {
			return nil, err
		}
		return &Term{ID: id, Epoch: epoch, sequence: sequence.Revision}, nil
	}
}

// Resign ends a term, so that another node can win at once.
func (s *Store) Resign(ctx context.Context, term *Term) error {
	_, err := s.backend.Commit(ctx, []Condition{{keyController, term.Epoch}}, []Op{{Key: keyController, Delete: true}})
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

var errGone = errors.New("gone")

// awaitGone waits until, after the given revision, the election key is deleted or written.
func (s *Store) awaitGone(ctx context.Context, after int64) error {
	err := s.backend.Watch(ctx, after, func(_ int64, events []Event) error {
		for _, e := range events {
			if e.Key == keyController {
				return errGone
			}
		}
		return nil
	})
	if errors.Is(err, errGone) || errors.Is(err, ErrCompacted) {
		return nil
	}
	return err
}
