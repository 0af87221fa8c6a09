package txn

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/scripttest"
	"ottla.dev/ottla/internal/protocol"
)

// world is a machine with a log, a clock, clients and partitions, all of them under the control of a test.
type world struct {
	*scripttest.Stage
	m      *Machine
	config Config
	level  int16
	log    []machine.Record
	lost   *Lost

	nextID    int64
	manualIDs bool
	fetches   int // producer ids that were asked for and not given

	gone    map[TopicPartition]bool
	sent    []*Markers // by their number, from 1
	markers int        // in all machines
}

func newWorld() *world {
	w := &world{Stage: scripttest.NewStage(), config: DefaultConfig(), level: 2, nextID: 1000, gone: make(map[TopicPartition]bool)}
	w.Due = w.settle
	w.m = w.newMachine()
	w.m.Loaded(w.Now)
	return w
}

func (w *world) newMachine() *Machine {
	w.Timers = new(machine.Timers)
	return NewMachine(Options{
		Config:             func() Config { return w.config },
		TransactionVersion: func() int16 { return w.level },
		PartitionExists:    func(topic string, p int32) bool { return !w.gone[TopicPartition{topic, p}] },
		Lost:               w.lost,
		FetchProducerID:    func(string) { w.fetches++ },
		SendMarkers: func(m *Markers) {
			w.sent = append(w.sent, m)
			end := "abort"
			if m.Commit {
				end = "commit"
			}
			w.Printf("> %d: markers %s %d/%d %s v%d %s", len(w.sent), m.TransactionalID, m.ProducerID, m.ProducerEpoch, end, m.TransactionVersion, formatTopics(m.Topics))
		},
		Logger: slog.New(slog.DiscardHandler),
		Timers: w.Timers,
	})
}

// apply does what the runtime does with a result, and then runs what is due.
func (w *world) apply(result machine.Result) {
	w.applyOne(result)
	w.settle()
}

func (w *world) settle() {
	for {
		if run, ok := w.Timers.PopDue(w.Now); ok {
			w.applyOne(run(w.Now))
			continue
		}
		if w.fetches > 0 && !w.manualIDs {
			w.fetches--
			w.nextID++
			w.applyOne(w.m.ProducerID(w.Now, w.nextID-1, nil))
			continue
		}
		return
	}
}

func (w *world) applyOne(result machine.Result) {
	w.Apply(result, func(r machine.Record) {
		w.Printf("%s", w.formatRecord(r))
		w.log = append(w.log, r)
		if err := w.m.Replay(int64(len(w.log)-1), r); err != nil {
			panic(err)
		}
	})
}

// reload forgets the machine and loads a new one from the log.
func (w *world) reload() error {
	w.Release(protocol.NotCoordinator)
	w.m.Unloaded(w.Now)
	w.m = w.newMachine()
	for i, r := range w.log {
		if err := w.m.Replay(int64(i), r); err != nil {
			return err
		}
	}
	w.m.Loaded(w.Now)
	w.settle()
	return nil
}

// check verifies what is true of every transaction at any time.
func (w *world) check() error {
	if w.Fault != nil {
		return w.Fault
	}
	for _, id := range slices.Sorted(maps.Keys(w.m.transactions)) {
		if err := w.m.transactions[id].check(w.m); err != nil {
			return fmt.Errorf("transaction %q in state %s: %w", id, w.m.transactions[id].latest.state, err)
		}
	}
	for t := range w.m.ongoing {
		if w.m.transactions[t.id] != t {
			return fmt.Errorf("%q may time out, but is no more", t.id)
		}
	}
	return w.checkReload()
}

func (t *transaction) check(m *Machine) error {
	_, ongoing := m.ongoing[t]
	switch {
	case ongoing != (t.latest.state == Ongoing):
		return errors.New("it is not where timeouts are looked for, or should not be")
	case (t.busy == idle || t.busy == completing && !t.latest.state.isPrepared()) && t.latest != t.committed && t.completion == nil:
		return errors.New("what the log ends with is not committed, and nobody waits for it")
	case t.busy == idle && t.completion != nil:
		return errors.New("it is idle, and has something to complete")
	case t.latest.state.isPrepared() && t.busy == idle:
		return errors.New("it is idle while it is being ended")
	case t.latest.state == Empty && len(t.latest.topics) > 0:
		return errors.New("it has partitions")
	}
	return nil
}

// checkReload verifies that loading the log gives the same state, but for what is in no record.
func (w *world) checkReload() error {
	loaded := NewMachine(Options{Logger: slog.New(slog.DiscardHandler), Timers: new(machine.Timers)})
	for i, r := range w.log {
		if err := loaded.Replay(int64(i), r); err != nil {
			return err
		}
	}
	for id, t := range w.m.transactions {
		if t.latest.producerEpoch == noProducerEpoch {
			continue // its first record is to come
		}
		other := loaded.transactions[id]
		if other == nil {
			return fmt.Errorf("%q is not in the log", id)
		}
		if got, want := describeMetadata(other.latest), describeMetadata(t.latest); got != want {
			return fmt.Errorf("%q is loaded as %s, want %s", id, got, want)
		}
	}
	for id := range loaded.transactions {
		if w.m.transactions[id] == nil {
			return fmt.Errorf("%q is in the log only", id)
		}
	}
	return nil
}

// describeMetadata is all of it that records of every version hold.
func describeMetadata(md *metadata) string {
	return fmt.Sprintf("%s %d/%d timeout=%d start=%d updated=%d %s", md.state, md.producerID, md.producerEpoch, md.timeoutMs, md.startMs, md.updatedMs, formatTopics(md.topics))
}

func formatTopics(topics []TopicPartitions) string {
	var parts []string
	for _, t := range topics {
		for _, p := range t.Partitions {
			parts = append(parts, fmt.Sprintf("%s/%d", t.Topic, p))
		}
	}
	if parts == nil {
		return "-"
	}
	return strings.Join(parts, ",")
}

// formatRecord decodes a record with kmsg, apart from the machine's own decoding.
func (w *world) formatRecord(r machine.Record) string {
	var key kmsg.TxnMetadataKey
	if err := key.ReadFrom(r.Key); err != nil {
		return fmt.Sprintf("+ unreadable key: %v", err)
	}
	if r.Value == nil {
		return "+ " + key.TransactionalID + " tombstone"
	}
	v := kmsg.NewTxnMetadataValue()
	if err := v.ReadFrom(r.Value); err != nil {
		return fmt.Sprintf("+ %s unreadable value: %v", key.TransactionalID, err)
	}
	topics := "null"
	if v.Topics != nil {
		var tps []TopicPartitions
		for _, t := range v.Topics {
			tps = append(tps, TopicPartitions{t.Topic, t.Partitions})
		}
		topics = formatTopics(tps)
	}
	s := fmt.Sprintf("+ %s v%d %s %d/%d timeout=%d %s start=%s at=%s", key.TransactionalID, v.Version, State(v.State), v.ProducerID, v.ProducerEpoch,
		v.TimeoutMillis, topics, w.Since(v.StartTimestamp), w.Since(v.LastUpdateTimestamp))
	if v.Version >= 1 {
		s += fmt.Sprintf(" previous=%d next=%d client=%d", v.PreviousProducerID, v.NextProducerID, v.ClientTransactionVersion)
	}
	return s
}
