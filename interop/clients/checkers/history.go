package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// outcome is how a transaction ended, as far as its producer was told.
type outcome int

const (
	aborted   outcome = iota // or its producer was fenced, or ran out of time, before it asked for a commit
	committed                // the commit was acknowledged
	unknown                  // the commit was asked for and not answered: all or nothing
)

func (o outcome) String() string { return [...]string{"aborted", "committed", "unknown"}[o] }

// transaction is what its producer knows of it. Its records say "writer/number/i/count".
type transaction struct {
	writer  string
	number  int
	records int
	outcome outcome
	how     string // what its writer did with it, for messages
}

func (t transaction) id() string { return fmt.Sprintf("%s/%d", t.writer, t.number) }

func (t transaction) value(i int) []byte { return fmt.Appendf(nil, "%s/%d/%d", t.id(), i, t.records) }

// history is what all writers did.
type history struct {
	mu           sync.Mutex // guards the fields
	transactions map[string]transaction
}

func newHistory() *history { return &history{transactions: map[string]transaction{}} }

func (h *history) ended(t transaction) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.transactions[t.id()] = t
}

func (h *history) count(o outcome) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, t := range h.transactions {
		if t.outcome == o {
			n++
		}
	}
	return n
}

// check holds what a read_committed reader saw against the history: whole transactions or nothing, each record once, each writer's
// transactions in their order in every partition. It returns the problems, worst first, and what must have been committed.
func (h *history) check(seen []*kgo.Record) (problems []string, visible map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	places := map[string][]string{} // of each record's value
	found := map[string]int{}       // records of each transaction
	last := map[string]int{}        // the newest transaction of a writer in a partition
	for _, r := range seen {
		parts := strings.Split(string(r.Value), "/")
		var number, i, count int
		if len(parts) != 4 || !scanned(parts[1], &number) || !scanned(parts[2], &i) || !scanned(parts[3], &count) {
			problems = append(problems, fmt.Sprintf("a record that nobody wrote: %q at %s-%d@%d", r.Value, r.Topic, r.Partition, r.Offset))
			continue
		}
		id := parts[0] + "/" + parts[1]
		t, known := h.transactions[id]
		if !known {
			problems = append(problems, fmt.Sprintf("a record of a transaction that never ended: %q at %s-%d@%d", r.Value, r.Topic, r.Partition, r.Offset))
			continue
		}
		if t.outcome == aborted {
			problems = append(problems, fmt.Sprintf("an aborted record (%s) is visible: %q at %s-%d@%d", t.how, r.Value, r.Topic, r.Partition, r.Offset))
		}
		places[string(r.Value)] = append(places[string(r.Value)], fmt.Sprintf("%s-%d@%d", r.Topic, r.Partition, r.Offset))
		found[id]++
		order := fmt.Sprintf("%s %s-%d", parts[0], r.Topic, r.Partition)
		if before, ok := last[order]; ok && number < before {
			problems = append(problems, fmt.Sprintf("transaction %s comes after %d of the same writer in %s-%d", id, before, r.Topic, r.Partition))
		}
		last[order] = number
	}
	for value, at := range places {
		if len(at) > 1 {
			problems = append(problems, fmt.Sprintf("record %s is there %d times: %s", value, len(at), strings.Join(at, ", ")))
		}
	}
	visible = map[string]bool{}
	for id, t := range h.transactions {
		switch n := found[id]; {
		case t.outcome == committed && n < t.records:
			problems = append(problems, fmt.Sprintf("transaction %s was committed: %d of its %d records are visible", id, n, t.records))
		case t.outcome == unknown && n > 0 && n < t.records:
			problems = append(problems, fmt.Sprintf("transaction %s is torn: %d of its %d records are visible", id, n, t.records))
		}
		visible[id] = found[id] > 0
	}
	slices.Sort(problems)
	return problems, visible
}

func scanned(text string, n *int) bool {
	_, err := fmt.Sscanf(text, "%d", n)
	return err == nil
}

// wantNone ends the check when there are problems, and shows some of them.
func wantNone(c c, what string, problems []string) {
	if len(problems) == 0 {
		return
	}
	shown := problems[:min(len(problems), 8)]
	c.Fatalf("%s: %d problems: %s", what, len(problems), strings.Join(shown, "; "))
}
