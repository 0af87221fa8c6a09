package golden

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// warmBroker answers what warming up asks.
func warmBroker(r kmsg.Request) kmsg.Response {
	switch r := r.(type) {
	case *kmsg.DescribeTransactionsRequest:
		answer := kmsg.NewPtrDescribeTransactionsResponse()
		for range r.TransactionalIDs {
			state := kmsg.NewDescribeTransactionsResponseTransactionState()
			state.ErrorCode = 105 // TRANSACTIONAL_ID_NOT_FOUND
			answer.TransactionStates = append(answer.TransactionStates, state)
		}
		return answer
	case *kmsg.FindCoordinatorRequest, *kmsg.InitProducerIDRequest, *kmsg.DescribeGroupsRequest, *kmsg.HeartbeatRequest, *kmsg.EndTxnRequest:
		return r.ResponseKind()
	}
	return &closeConnection{}
}

func TestScriptsOfTheSameLevelsShareABroker(t *testing.T) {
	f := startFake(t, warmBroker)
	var started []string
	stopped := 0
	suite := &Suite{Start: func(_ context.Context, _ map[string]string, features map[string]int16) (*Target, error) {
		started = append(started, (&Script{Features: features}).levels())
		return &Target{Addr: f.target.Addr, Stop: func() error { stopped++; return nil }}, nil
	}}
	for _, text := range []string{
		"Heartbeat v0", "EndTxn v1", "broker {}\nEndTxn v1", "Heartbeat v0",
		`features { "f": 1 } Heartbeat v0`, `features { "f": 1 } EndTxn v1`, `features { "f": 2 } Heartbeat v0`,
	} {
		s, err := parseScript("x", "about \"x\"\n"+text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := suite.Play(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if got := len(started); got != 4 || started[2] != "map[f:1]" || started[3] != "map[f:2]" {
		t.Errorf("started %q", started)
	}
	if stopped != 3 {
		t.Errorf("%d were stopped before the end, want the script's own and two that were shared", stopped)
	}
	if err := suite.Close(); err != nil || stopped != 4 {
		t.Errorf("%d stopped, %v", stopped, err)
	}
}

func TestScriptsAreOrderedByLevelsThenNames(t *testing.T) {
	scripts := allScripts(t)
	for i := 1; i < len(scripts); i++ {
		a, b := scripts[i-1], scripts[i]
		if a.levels() > b.levels() || a.levels() == b.levels() && a.Name >= b.Name {
			t.Errorf("%s (%s) stands before %s (%s)", a.Name, a.levels(), b.Name, b.levels())
		}
	}
}
