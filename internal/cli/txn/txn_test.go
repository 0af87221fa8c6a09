package txn

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/cli/output"
)

var (
	now   = time.UnixMilli(100_000_000)
	where = admin.TopicPartition{Topic: "orders", Partition: 3}
)

// TestJudge has a transaction that was last written to 20 minutes ago, with coordinators that know more or less of it.
func TestJudge(t *testing.T) {
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixMilli() }
	elsewhere := []admin.TopicPartition{{Topic: "orders", Partition: 4}}
	here := []admin.TopicPartition{where}
	for _, tc := range []struct {
		name         string
		owner        description
		olderThan    time.Duration
		reason, hint string // empty: it does not hang
	}{
		{name: "unknown", olderThan: 15 * time.Minute, reason: "no coordinator knows the producer", hint: "ottla txn abort orders 3 77"},
		{name: "unknown, but written to", olderThan: 25 * time.Minute},
		{name: "elsewhere", owner: description{ID: "pay", State: "Ongoing", StartMs: ago(time.Second), TimeoutMs: 60_000, sorted: elsewhere}, olderThan: time.Minute,
			reason: "not part of the transaction of pay (Ongoing)", hint: "ottla txn abort orders 3 77"},
		{name: "ended", owner: description{ID: "pay", State: "CompleteAbort", StartMs: ago(time.Hour), TimeoutMs: 60_000}, olderThan: time.Minute,
			reason: "not part of the transaction of pay (CompleteAbort)", hint: "ottla txn abort orders 3 77"},
		{name: "in time", owner: description{ID: "pay", State: "Ongoing", StartMs: ago(25 * time.Minute), TimeoutMs: 1_800_000, sorted: here}, olderThan: time.Minute},
		{name: "just over", owner: description{ID: "pay", State: "Ongoing", StartMs: ago(30*time.Minute + grace), TimeoutMs: 1_800_000, sorted: here}, olderThan: time.Minute},
		{name: "overdue", owner: description{ID: "pay", State: "PrepareAbort", StartMs: ago(40 * time.Minute), TimeoutMs: 1_800_000, sorted: here}, olderThan: time.Hour,
			reason: "pay has it open for longer than its timeout (PrepareAbort)", hint: "ottla txn fence pay"},
	} {
		f := &finder{olderThan: tc.olderThan, now: now}
		p := admin.ProducerState{ProducerID: 5, LastTimestampMs: ago(20 * time.Minute), TransactionStart: 77, TopicPartition: where}
		h, hangs := f.judge(p, tc.owner)
		if hangs != (tc.reason != "") || hangs && (h.Reason != tc.reason || h.Command != tc.hint || h.ID != tc.owner.ID) {
			t.Errorf("%s: hangs %t, %q, %q", tc.name, hangs, h.Reason, h.Command)
		}
	}
}

func TestAge(t *testing.T) {
	for ms, want := range map[int64]string{
		-1: "-", now.UnixMilli(): "0s", now.UnixMilli() + 5000: "0s", now.UnixMilli() - 59_999: "59s", now.UnixMilli() - 61_000: "1m", now.UnixMilli() - 3_723_000: "1h2m",
	} {
		if got := age(now, ms); got != want {
			t.Errorf("%d: %s, want %s", ms, got, want)
		}
	}
}

func TestPartitionList(t *testing.T) {
	list := []admin.TopicPartition{{Topic: "a", Partition: 0}, {Topic: "a", Partition: 2}, {Topic: "b", Partition: 1}}
	if got := partitionList(list); got != "a:0,2 b:1" {
		t.Error(got)
	}
	if got := partitionList(nil); got != "-" {
		t.Error(got)
	}
}

func TestErrorsAreToldAsElsewhere(t *testing.T) {
	for _, tc := range []struct {
		err  error
		exit int
		want string
	}{
		{&tool.BrokerError{Code: kerr.TransactionalIDNotFound.Code, Message: "in Kafka's words"}, output.NotFound, "id x: no coordinator knows it"},
		{&tool.BrokerError{Code: kerr.TransactionalIDAuthorizationFailed.Code}, output.Failed, "(TRANSACTIONAL_ID_AUTHORIZATION_FAILED)"},
		{&tool.TimeoutError{Call: "x"}, output.Unreachable, "no answer in time"},
		{errors.New("other"), output.Failed, "id x: other"},
	} {
		err := told("id x", tc.err)
		if e := output.Classify(err); e.Exit != tc.exit || !strings.Contains(e.Message, tc.want) {
			t.Errorf("%v: exit %d, %s", tc.err, e.Exit, e.Message)
		}
	}
	if told("id x", nil) != nil {
		t.Error("no error became one")
	}
}
