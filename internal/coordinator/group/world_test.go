package group

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/scripttest"
	"ottla.dev/ottla/internal/protocol"
)

// world is a machine with a log, a clock and clients, all of them under the control of a test.
type world struct {
	*scripttest.Stage
	m      *Machine
	config Config
	uuids  int
	log    []entry
}

func newWorld() *world {
	w := &world{Stage: scripttest.NewStage(), config: DefaultConfig()}
	w.Due = func() {
		run, _ := w.Timers.PopDue(w.Now)
		w.apply(run(w.Now))
	}
	w.m = w.newMachine()
	w.m.Loaded(w.Now)
	return w
}

func (w *world) newMachine() *Machine {
	w.Timers = new(machine.Timers)
	return NewMachine(Options{
		Config: func() Config { return w.config },
		NewUUID: func() string {
			w.uuids++
			return fmt.Sprint(w.uuids)
		},
		Logger: slog.New(slog.DiscardHandler),
		Timers: w.Timers,
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
	w.Apply(result, func(r machine.Record) {
		line := w.formatRecord(r)
		if producerID >= 0 {
			line += fmt.Sprintf(" producer=%d", producerID)
		}
		w.Printf("%s", line)
		w.write(entry{Record: r, producerID: producerID}, result.SelfApplied)
	})
}

// reload forgets the machine and loads a new one from the log.
func (w *world) reload() error {
	w.Release(protocol.NotCoordinator)
	w.m.Unloaded(w.Now)
	w.Timers = new(machine.Timers)
	m, err := replayed(w.m, w.Timers, w.log)
	if err != nil {
		return err
	}
	w.m = m
	w.m.Loaded(w.Now)
	return nil
}

// checkAllAnswered unloads the machine and reports requests that were never answered, or twice.
func (w *world) checkAllAnswered() error {
	w.Release(protocol.NotCoordinator)
	w.m.Unloaded(w.Now)
	return w.CheckAllAnswered()
}

// check verifies what is true of every group at any time.
func (w *world) check() error {
	if w.Fault != nil {
		return w.Fault
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
