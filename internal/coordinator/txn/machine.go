package txn

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// Machine is the state behind one partition of __transaction_state. Its methods are called by one goroutine at a time;
// each takes the current time, and answers through the reply function that it is given, exactly once.
type Machine struct {
	options Options
	log     *slog.Logger
	timers  *machine.Timers

	transactions map[string]*transaction
	// ongoing are those in state Ongoing, which may time out.
	ongoing map[*transaction]struct{}

	// appending is the transition whose record is being appended, so that Replay need not decode what was just encoded.
	appending struct {
		t    *transaction
		next *metadata
	}
	undoAppend func(now time.Time) // undo, made once
	scratch    []kmsg.TxnMetadataValueTopic

	// producerIDs were fetched and are unused; parked waits for one.
	producerIDs []int64
	parked      []parked

	attempts     uint64 // of sending markers
	timeoutTimer machine.Timer
	expiryTimer  machine.Timer
	skipped      int // records of unknown versions seen while loading

	decisions map[OpenTransaction][]Decision // what the log has said of transactions that are open in partitions
}

// Options are what a Machine is made of. The functions must not block, and may call the machine only later.
type Options struct {
	Config             func() Config
	TransactionVersion func() int16 // the finalized level of transaction.version
	PartitionExists    func(topic string, partition int32) bool
	// Lost is what is known since the machine went down; nil: it never did.
	Lost *Lost
	// FetchProducerID gets a producer id for an operation on the transactional id; the answer goes to ProducerID.
	FetchProducerID func(transactionalID string)
	// SendMarkers has the markers written; the answer goes to MarkersAnswered.
	SendMarkers func(markers *Markers)
	Logger      *slog.Logger
	Timers      *machine.Timers
}

// transaction is a transactional id.
type transaction struct {
	id string
	// committed is what may be shown: its record is below the high watermark. latest is what the log ends with; it is
	// another one only while a transition is being written.
	committed, latest *metadata
	busy              busy
	completion        *completion // what is left to do, in the states Prepare*
	awaitsID          bool        // it timed out, and a producer id is being fetched for the abort
	// timer does what is next: retries, the end, the abort after a timeout. There is never more than one of them.
	timer machine.Timer
}

// busy is what keeps a transaction from beginning another transition.
type busy uint8

const (
	idle       busy = iota
	writing         // a record is not committed yet
	completing      // markers are being written, or the record that follows them
)

// NewMachine returns an empty machine.
func NewMachine(options Options) *Machine {
	m := &Machine{
		options: options, log: options.Logger, timers: options.Timers,
		transactions: make(map[string]*transaction), ongoing: make(map[*transaction]struct{}),
	}
	m.undoAppend = m.undo
	return m
}

// Replay implements machine.Machine.
func (m *Machine) Replay(at int64, r machine.Record) error {
	if t := m.appending.t; t != nil && r.Value != nil {
		m.setLatest(t, m.appending.next)
		m.appending.t, m.appending.next = nil, nil
		return nil
	}
	if err := m.replay(r); errors.Is(err, errUnknownVersion) {
		m.skipped++
	} else if err != nil {
		return fmt.Errorf("record at offset %d: %w", at, err)
	}
	return nil
}

func (m *Machine) replay(r machine.Record) error {
	id, err := decodeKey(r.Key)
	if err != nil {
		return err
	}
	if r.Value == nil {
		m.remove(id)
		return nil
	}
	md, err := decodeValue(r.Value)
	if err != nil {
		return err
	}
	t := m.transactions[id]
	if t == nil {
		t = &transaction{id: id}
		m.transactions[id] = t
	}
	m.noteDecision(t.latest, md)
	m.setLatest(t, md)
	t.committed = md
	return nil
}

// setLatest notes what the log says now.
func (m *Machine) setLatest(t *transaction, md *metadata) {
	t.latest = md
	if md.state == Ongoing {
		m.ongoing[t] = struct{}{}
	} else {
		delete(m.ongoing, t)
	}
}

func (m *Machine) remove(id string) {
	if t := m.transactions[id]; t != nil {
		m.timers.Stop(&t.timer)
		delete(m.ongoing, t)
		delete(m.transactions, id)
	}
}

// Loaded implements machine.Machine: what was decided is carried out.
func (m *Machine) Loaded(now time.Time) {
	if m.skipped > 0 {
		m.log.Warn("skipped records of unknown versions; they may be left over from an upgrade that was taken back", "records", m.skipped)
	}
	for _, t := range m.sorted(func(t *transaction) bool { return t.latest.state.isPrepared() }) {
		m.log.Info("a transaction that was being ended goes on", "transactional_id", t.id, "state", t.latest.state)
		m.startCompletion(now, t)
	}
	m.abortEach(now, func(t *transaction) bool { return t.latest.state == Ongoing && m.lost(t.latest.producerID) })
	m.scheduleTimeouts(now)
	m.scheduleExpiry(now)
}

// Unloaded implements machine.Machine.
func (m *Machine) Unloaded(now time.Time) {
	parked := m.parked
	m.parked = nil
	for _, p := range parked {
		p.fail(now, protocol.NotCoordinator)
	}
	m.timers.StopAll()
}

// sorted returns the transactions that are asked for in the order of their ids, so that whatever walks them is
// deterministic.
func (m *Machine) sorted(wanted func(*transaction) bool) []*transaction {
	var ts []*transaction
	for _, t := range m.transactions {
		if wanted(t) {
			ts = append(ts, t)
		}
	}
	slices.SortFunc(ts, byID)
	return ts
}

func byID(a, b *transaction) int {
	if a.id < b.id {
		return -1
	}
	return 1
}
