package group

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// world is a machine with a log, a clock and clients, all of them under the control of a test.
type world struct {
	m      *Machine
	timers *machine.Timers
	config Config
	start  time.Time
	now    time.Time
	uuids  int

	log    []entry
	refuse error // what the log answers to appends
	hold   bool  // the high watermark stands still
	held   []func(now time.Time, err error)

	out     strings.Builder
	waiting map[string]bool // requests without an answer yet
	fault   error           // a request that was answered twice
	labels  int
}

func newWorld() *world {
	start := time.UnixMilli(1_000_000)
	w := &world{config: DefaultConfig(), start: start, now: start, waiting: make(map[string]bool)}
	w.m = w.newMachine()
	w.m.Loaded(w.now)
	return w
}

func (w *world) newMachine() *Machine {
	w.timers = new(machine.Timers)
	return NewMachine(Options{
		Config: func() Config { return w.config },
		NewUUID: func() string {
			w.uuids++
			return fmt.Sprint(w.uuids)
		},
		Logger: slog.New(slog.DiscardHandler),
		Timers: w.timers,
	})
}

// entry is one record of the log, or a marker.
type entry struct {
	machine.Record
	at         int64
	producerID int64 // -1 outside of transactions
	marker     bool
	commit     bool
}

func (e entry) replay(m *Machine) error {
	switch {
	case e.marker:
		return m.CompleteTransaction(e.at, e.producerID, 0, e.commit)
	case e.producerID >= 0:
		return m.ReplayTransactional(e.at, e.producerID, 0, e.Record)
	default:
		return m.Replay(e.at, e.Record)
	}
}

// replayed returns a machine that has loaded the entries.
func replayed(like *Machine, timers *machine.Timers, entries []entry) (*Machine, error) {
	m := NewMachine(Options{Config: like.config, NewUUID: like.newUUID, Timers: timers, Logger: like.log})
	for _, e := range entries {
		if err := e.replay(m); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// write appends an entry and has the machine replay it, unless it has applied it itself.
func (w *world) write(e entry, selfApplied bool) {
	e.at = int64(len(w.log))
	w.log = append(w.log, e)
	if selfApplied {
		return
	}
	if err := e.replay(w.m); err != nil {
		panic(err)
	}
}

// apply does what the runtime does with a result.
func (w *world) apply(result machine.Result) { w.applyAs(-1, result) }

// applyAs does what the runtime does with the result of a producer's transactional write.
func (w *world) applyAs(producerID int64, result machine.Result) {
	if len(result.Records) > 0 {
		if w.refuse != nil {
			w.printf("refused %d records", len(result.Records))
			if result.Undo != nil {
				result.Undo(w.now)
			}
			if result.Done != nil {
				result.Done(w.now, w.refuse)
			}
			return
		}
		for _, r := range result.Records {
			line := w.formatRecord(r)
			if producerID >= 0 {
				line += fmt.Sprintf(" producer=%d", producerID)
			}
			w.printf("%s", line)
			w.write(entry{Record: r, producerID: producerID}, result.SelfApplied)
		}
	}
	switch {
	case result.Done == nil:
	case w.hold:
		w.held = append(w.held, result.Done)
	default:
		result.Done(w.now, nil)
	}
}

// release ends the wait for the high watermark of everything so far.
func (w *world) release(err error) {
	held := w.held
	w.held = nil
	for _, done := range held {
		done(w.now, err)
	}
}

// advance lets time pass and runs the timers that come due, each at its time.
func (w *world) advance(d time.Duration) {
	target := w.now.Add(d)
	for {
		at, ok := w.timers.Next()
		if !ok || at.After(target) {
			break
		}
		if at.After(w.now) {
			w.now = at
		}
		run, _ := w.timers.PopDue(w.now)
		w.apply(run(w.now))
	}
	w.now = target
}

// reload forgets the machine and loads a new one from the log.
func (w *world) reload() error {
	w.release(protocol.NotCoordinator)
	w.m.Unloaded(w.now)
	w.timers = new(machine.Timers)
	m, err := replayed(w.m, w.timers, w.log)
	if err != nil {
		return err
	}
	w.m = m
	w.m.Loaded(w.now)
	return nil
}

func (w *world) printf(format string, args ...any) {
	fmt.Fprintf(&w.out, format+"\n", args...)
}

// asked notes a request; the returned function is called with its answer.
func (w *world) asked(label string) func(format string, args ...any) {
	w.labels++
	key := fmt.Sprintf("%s#%d", label, w.labels)
	w.waiting[key] = true
	return func(format string, args ...any) {
		if !w.waiting[key] {
			w.fault = errors.Join(w.fault, fmt.Errorf("request %s was answered twice", key))
		}
		delete(w.waiting, key)
		w.printf("%s: %s", label, fmt.Sprintf(format, args...))
	}
}

// checkAllAnswered unloads the machine and reports requests that were never answered, or twice.
func (w *world) checkAllAnswered() error {
	w.release(protocol.NotCoordinator)
	w.m.Unloaded(w.now)
	for label := range w.waiting {
		w.fault = errors.Join(w.fault, fmt.Errorf("request %s was never answered", label))
	}
	return w.fault
}

// check verifies what is true of every group at any time.
func (w *world) check() error {
	if w.fault != nil {
		return w.fault
	}
	for id, g := range w.m.groups {
		if err := g.check(); err != nil {
			return fmt.Errorf("group %q in state %s: %w", id, g.state, err)
		}
	}
	return nil
}

func (g *group) check() error {
	if len(g.byID) != len(g.members) {
		return fmt.Errorf("%d members, %d by id", len(g.members), len(g.byID))
	}
	awaiting, static := 0, 0
	supporters := make(map[string]int)
	for _, m := range g.members {
		if g.byID[m.id] != m {
			return fmt.Errorf("member %s is not found by its id", m.id)
		}
		if _, pending := g.pendingJoin[m.id]; pending {
			return fmt.Errorf("member %s is pending too", m.id)
		}
		if m.protocolType != g.protocolType {
			return fmt.Errorf("member %s has protocol type %q, the group %q", m.id, m.protocolType, g.protocolType)
		}
		if m.join != nil {
			awaiting++
		}
		if m.sync != nil && g.state != CompletingRebalance {
			return fmt.Errorf("member %s waits for an assignment", m.id)
		}
		if m.join != nil && g.state != PreparingRebalance && !(g.state == Stable && m.isStatic()) {
			return fmt.Errorf("member %s waits for the join phase", m.id)
		}
		if !m.hasSatisfiedHeartbeat() && !m.heartbeat.Pending() {
			return fmt.Errorf("member %s has no session", m.id)
		}
		if m.isStatic() {
			static++
			if g.staticIDs[*m.instanceID] != m.id {
				return fmt.Errorf("instance %s is %s, not %s", *m.instanceID, g.staticIDs[*m.instanceID], m.id)
			}
		}
		for _, p := range m.protocols {
			supporters[p.Name]++
		}
	}
	if awaiting != g.awaitingJoin || static != len(g.staticIDs) {
		return fmt.Errorf("%d await the join phase (counted %d), %d are static (counted %d)", awaiting, g.awaitingJoin, static, len(g.staticIDs))
	}
	if len(supporters) != len(g.supporters) {
		return fmt.Errorf("supporters are %v, counted %v", supporters, g.supporters)
	}
	return g.checkState()
}

func (g *group) checkState() error {
	switch g.state {
	case Empty:
		if len(g.members) > 0 {
			return errors.New("it has members")
		}
	case PreparingRebalance:
		if !g.joinTimer.Pending() {
			return errors.New("nothing ends the join phase")
		}
	case CompletingRebalance, Stable:
		if len(g.members) == 0 || g.byID[g.leaderID] == nil {
			return fmt.Errorf("%d members, leader %q", len(g.members), g.leaderID)
		}
		if g.protocolName == nil || g.supporters[*g.protocolName] != len(g.members) {
			return errors.New("the protocol is not supported by all")
		}
		if len(g.pendingSync) > 0 && !g.syncTimer.Pending() {
			return errors.New("nothing ends the sync phase")
		}
	}
	for id := range g.pendingSync {
		if g.byID[id] == nil {
			return fmt.Errorf("pending sync of %s, who is no member", id)
		}
	}
	if !slices.Contains([]State{Empty, PreparingRebalance, CompletingRebalance, Stable}, g.state) {
		return errors.New("not a state of a served group")
	}
	return nil
}
