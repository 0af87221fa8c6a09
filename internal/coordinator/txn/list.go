package txn

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// ListFilter is what a ListTransactions request asks for.
type ListFilter struct {
	states      [len(stateNames)]bool
	anyState    bool
	producerIDs map[int64]struct{} // a client may name very many; empty: any
	durationMs  int64              // negative: any
	pattern     *regexp.Regexp
	// UnknownStates are the names in the request that are no states.
	UnknownStates []string
}

// What bounds the regular expression of a client: its length, and into how many steps it is taken apart. Each of these may be tried at each byte of each id,
// while the coordinator does nothing else.
const (
	maxPatternBytes = 10_000
	maxPatternSteps = 4_000
)

// NewListFilter reads the filters of a request. The pattern is of RE2's syntax, as Kafka's, and must match the whole id.
func NewListFilter(req *kmsg.ListTransactionsRequest) (*ListFilter, error) {
	f := &ListFilter{anyState: len(req.StateFilters) == 0, producerIDs: make(map[int64]struct{}), durationMs: -1}
	for _, id := range req.ProducerIDFilters {
		f.producerIDs[id] = struct{}{}
	}
	unknown := map[string]struct{}{}
	for _, name := range req.StateFilters {
		if state, ok := parseState(name); ok {
			f.states[state] = true
		} else if _, again := unknown[name]; !again {
			unknown[name] = struct{}{}
			f.UnknownStates = append(f.UnknownStates, name)
		}
	}
	if req.Version >= 1 {
		f.durationMs = req.DurationFilterMillis
	}
	if req.Version < 2 || req.TransactionalIDPattern == nil || *req.TransactionalIDPattern == "" {
		return f, nil
	}
	if err := f.compile(*req.TransactionalIDPattern); err != nil {
		return nil, protocol.Errorf(protocol.InvalidRegularExpression, "%q is not a regular expression: %v", *req.TransactionalIDPattern, err)
	}
	return f, nil
}

func (f *ListFilter) compile(pattern string) error {
	if len(pattern) > maxPatternBytes {
		return fmt.Errorf("it has %d bytes, more than %d", len(pattern), maxPatternBytes)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl) // by itself: "a)(b" is none, in parentheses it would be
	if err != nil {
		return err
	}
	if patternSteps(parsed) > maxPatternSteps {
		return fmt.Errorf("it has more than %d steps when its repetitions are written out", maxPatternSteps)
	}
	f.pattern, err = regexp.Compile(`\A(?:` + pattern + `)\z`)
	return err
}

// patternSteps returns how large a regular expression is with its repetitions written out.
func patternSteps(re *syntax.Regexp) int {
	steps := 1
	if re.Op == syntax.OpLiteral {
		steps = len(re.Rune)
	}
	for _, sub := range re.Sub {
		steps += patternSteps(sub)
	}
	if re.Op == syntax.OpRepeat {
		steps *= max(1, re.Min, re.Max) // the parser allows 1000, also of those within each other
	}
	return steps
}

func (f *ListFilter) matches(t *transaction, nowMs int64) bool {
	md := t.committed
	_, wanted := f.producerIDs[md.producerID]
	switch {
	case md.state == Dead:
		return false
	case len(f.producerIDs) > 0 && !wanted:
		return false
	case !f.anyState && !f.states[md.state]:
		return false
	case f.durationMs >= 0 && nowMs-md.startMs <= f.durationMs:
		return false
	default:
		return f.pattern == nil || f.pattern.MatchString(t.id)
	}
}

// ListTransactions returns what is committed of the transactional ids that the filter lets through.
func (m *Machine) ListTransactions(now time.Time, f *ListFilter) []kmsg.ListTransactionsResponseTransactionState {
	var list []kmsg.ListTransactionsResponseTransactionState
	for _, t := range m.sorted(func(t *transaction) bool { return f.matches(t, now.UnixMilli()) }) {
		state := kmsg.NewListTransactionsResponseTransactionState()
		state.TransactionalID, state.ProducerID, state.TransactionState = t.id, t.committed.producerID, t.committed.state.String()
		list = append(list, state)
	}
	return list
}
