package scripttest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// Stage is what a state machine meets in a test: time, a log that may refuse, a high watermark that may stand still, and clients.
type Stage struct {
	Timers *machine.Timers
	Start  time.Time
	Now    time.Time
	Refuse error // what the log answers to appends
	Hold   bool  // the high watermark stands still
	Out    strings.Builder
	Due    func() // runs timers that are due
	Fault  error  // what must not have been, as a request that was answered twice

	held    []func(now time.Time, err error)
	waiting map[string]bool // requests without an answer yet
	labels  int
}

// NewStage returns a stage on which nothing has happened.
func NewStage() *Stage {
	start := time.UnixMilli(1_000_000)
	return &Stage{Start: start, Now: start, waiting: make(map[string]bool)}
}

// Printf adds a line to what came of the commands.
func (s *Stage) Printf(format string, args ...any) {
	fmt.Fprintf(&s.Out, format+"\n", args...)
}

// Since shows a time in milliseconds by its distance from the start; below 0 it is none.
func (s *Stage) Since(ms int64) string {
	if ms < 0 {
		return fmt.Sprint(ms)
	}
	return time.UnixMilli(ms).Sub(s.Start).String()
}

// Apply does what the runtime does with a result; write puts a record into the log.
func (s *Stage) Apply(result machine.Result, write func(machine.Record)) {
	if len(result.Records) > 0 && s.Refuse != nil {
		s.Printf("refused %d records", len(result.Records))
		if result.Undo != nil {
			result.Undo(s.Now)
		}
		if result.Done != nil {
			result.Done(s.Now, s.Refuse)
		}
		return
	}
	for _, r := range result.Records {
		write(r)
	}
	switch {
	case result.Done == nil:
	case s.Hold:
		s.held = append(s.held, result.Done)
	default:
		result.Done(s.Now, nil)
	}
}

// Release ends the wait for the high watermark of everything so far.
func (s *Stage) Release(err error) {
	held := s.held
	s.held = nil
	for _, done := range held {
		done(s.Now, err)
	}
}

// Advance lets time pass and runs the timers that come due, each at its time.
func (s *Stage) Advance(d time.Duration) {
	target := s.Now.Add(d)
	for {
		at, ok := s.Timers.Next()
		if !ok || at.After(target) {
			break
		}
		if at.After(s.Now) {
			s.Now = at
		}
		s.Due()
	}
	s.Now = target
}

// Run plays the commands that every machine knows:
//
//	advance DURATION           time passes
//	refuse CODE; accept        appends fail
//	hold; release; timeout     the high watermark stands still; goes on; did not move in time
func (s *Stage) Run(c Command) error {
	switch c.Verb {
	case "advance":
		d, err := time.ParseDuration(c.Word())
		if err != nil {
			return err
		}
		s.Advance(d)
	case "refuse":
		s.Refuse = protocol.Errorf(Code(c.Word()), "told to refuse")
	case "accept":
		s.Refuse = nil
	case "hold":
		s.Hold = true
	case "release":
		s.Hold = false
		s.Release(nil)
	case "timeout":
		s.Release(protocol.RequestTimedOut)
	default:
		return fmt.Errorf("there is no command %q", c.Verb)
	}
	return nil
}

// Asked notes a request; the returned function is called with its answer.
func (s *Stage) Asked(label string) func(format string, args ...any) {
	s.labels++
	key := fmt.Sprintf("%s#%d", label, s.labels)
	s.waiting[key] = true
	return func(format string, args ...any) {
		if !s.waiting[key] {
			s.Fault = errors.Join(s.Fault, fmt.Errorf("request %s was answered twice", key))
		}
		delete(s.waiting, key)
		s.Printf("%s: %s", label, fmt.Sprintf(format, args...))
	}
}

// CheckAllAnswered reports requests that were never answered, or twice.
func (s *Stage) CheckAllAnswered() error {
	for label := range s.waiting {
		s.Fault = errors.Join(s.Fault, fmt.Errorf("request %s was never answered", label))
	}
	return s.Fault
}
