package service

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/memlog"
	"ottla.dev/ottla/internal/coordinator/scripttest"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
)

// TestOneTransactionInEveryVersion takes a producer through a transaction with each version of each request.
func TestOneTransactionInEveryVersion(t *testing.T) {
	for version := range int16(6) {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			b := newBench(t)
			initialized := ask(b, b.InitProducerID, initRequest(version, "x"))
			b.want(initialized.ErrorCode, protocol.None)
			pid, epoch := initialized.ProducerID, initialized.ProducerEpoch
			added := ask(b, b.AddPartitionsToTxn, addRequest(version, "x", pid, epoch, "t", 0, 3))
			if got := addCodes(added); !slices.Equal(got, []protocol.Code{0, 0}) {
				t.Fatalf("added with %v", got)
			}
			offsets := kmsg.NewPtrAddOffsetsToTxnRequest()
			offsets.Version, offsets.TransactionalID, offsets.ProducerID, offsets.ProducerEpoch, offsets.Group = min(version, 4), "x", pid, epoch, "group"
			b.want(ask(b, b.AddOffsetsToTxn, offsets).ErrorCode, protocol.None)
			ended := ask(b, b.EndTxn, endRequest(version, "x", pid, epoch, true))
			b.want(ended.ErrorCode, protocol.None)
			b.wantState("x", "CompleteCommit")
			markerEpoch, markerVersion := epoch, 0
			if version >= 5 {
				markerEpoch, markerVersion = epoch+1, 2
				if ended.ProducerID != pid || ended.ProducerEpoch != epoch+1 {
					t.Errorf("the producer goes on as %d/%d", ended.ProducerID, ended.ProducerEpoch)
				}
			}
			for _, tp := range []string{"t-0", "t-3", "__consumer_offsets-5"} {
				want := fmt.Sprintf("%s %d/%d commit=true v%d coordinator 7", tp, pid, markerEpoch, markerVersion)
				if b.written[want] != 1 || len(b.written) != 3 {
					t.Errorf("markers are %v, want %s", b.written, want)
				}
			}
		})
	}
}

func TestErrorsInEveryVersion(t *testing.T) {
	b := newBench(t)
	pid := ask(b, b.InitProducerID, initRequest(5, "x")).ProducerID
	for version := range int16(6) {
		fenced := protocol.ProducerFenced
		if version < 2 {
			fenced = protocol.InvalidProducerEpoch
		}
		if got := addCodes(ask(b, b.AddPartitionsToTxn, addRequest(version, "x", pid, 5, "t", 0))); got[0] != fenced {
			t.Errorf("AddPartitionsToTxn v%d: %s, want %s", version, got[0].Name(), fenced.Name())
		}
		if got := ask(b, b.EndTxn, endRequest(version, "x", pid, 5, true)).ErrorCode; protocol.Code(got) != fenced {
			t.Errorf("EndTxn v%d: %s, want %s", version, protocol.Code(got).Name(), fenced.Name())
		}
		offsets := kmsg.NewPtrAddOffsetsToTxnRequest()
		offsets.Version, offsets.TransactionalID, offsets.ProducerID, offsets.ProducerEpoch = min(version, 4), "x", pid, 5
		if got := ask(b, b.AddOffsetsToTxn, offsets).ErrorCode; protocol.Code(got) != fenced {
			t.Errorf("AddOffsetsToTxn v%d: %s, want %s", version, protocol.Code(got).Name(), fenced.Name())
		}
		if version >= 3 {
			if fenced = protocol.InvalidProducerEpoch; version >= 4 {
				fenced = protocol.ProducerFenced
			}
			req := initRequest(version, "x")
			req.ProducerID, req.ProducerEpoch = pid, 5
			if got := ask(b, b.InitProducerID, req); protocol.Code(got.ErrorCode) != fenced || got.ProducerID != -1 || got.ProducerEpoch != -1 {
				t.Errorf("InitProducerId v%d: %v, want %s", version, got, fenced.Name())
			}
		}
	}
}

func TestPartitionsThatDoNotExist(t *testing.T) {
	b := newBench(t)
	pid := ask(b, b.InitProducerID, initRequest(5, "x")).ProducerID
	for _, version := range []int16{3, 5} {
		got := addCodes(ask(b, b.AddPartitionsToTxn, addRequest(version, "x", pid, 0, "u", 0, 9, 1)))
		want := []protocol.Code{protocol.OperationNotAttempted, protocol.UnknownTopicOrPartition, protocol.OperationNotAttempted}
		if !slices.Equal(got, want) {
			t.Errorf("v%d: got %v, want %v", version, got, want)
		}
	}
	b.wantState("x", "Empty")
}

func TestInternalTopicsAreNotForClients(t *testing.T) {
	b := newBench(t)
	pid := ask(b, b.InitProducerID, initRequest(5, "x")).ProducerID
	for version := range int16(6) {
		req := addRequest(version, "x", pid, 0, "__consumer_offsets", 0, 99)
		if version < 4 {
			req.Topics = append(req.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: "u", Partitions: []int32{0, 9}})
			want := []protocol.Code{protocol.TopicAuthorizationFailed, protocol.TopicAuthorizationFailed, protocol.OperationNotAttempted, protocol.UnknownTopicOrPartition}
			if got := addCodes(ask(b, b.AddPartitionsToTxn, req)); !slices.Equal(got, want) {
				t.Errorf("v%d: got %v, want %v", version, got, want)
			}
			continue
		}
		req.Transactions[0].Topics[0].Partitions = []int32{0}
		if got := addCodes(ask(b, b.AddPartitionsToTxn, req)); got[0] != protocol.None {
			t.Errorf("v%d: a broker is told %s", version, got[0].Name())
		}
	}
}

// TestBatchOfTransactions has one good transaction, one to be verified, and several that fail.
func TestBatchOfTransactions(t *testing.T) {
	b := newBench(t)
	var pids []int64
	for _, id := range []string{"a", "b", "c"} {
		pids = append(pids, ask(b, b.InitProducerID, initRequest(5, id)).ProducerID)
	}
	ask(b, b.AddPartitionsToTxn, addRequest(5, "b", pids[1], 0, "t", 1))
	req := addRequest(5, "a", pids[0], 0, "t", 0, 1)
	for _, more := range []*kmsg.AddPartitionsToTxnRequest{
		addRequest(5, "b", pids[1], 0, "t", 0, 1), addRequest(5, "c", pids[2], 3, "t", 0), addRequest(5, "", 1, 0, "t", 0), addRequest(5, "nobody", 1, 0, "t", 0),
	} {
		req.Transactions = append(req.Transactions, more.Transactions...)
	}
	req.Transactions[1].VerifyOnly = true
	resp := ask(b, b.AddPartitionsToTxn, req)
	for i, id := range []string{"a", "b", "c", "", "nobody"} {
		if resp.Transactions[i].TransactionalID != id {
			t.Errorf("answer %d is about %q", i, resp.Transactions[i].TransactionalID)
		}
	}
	want := []protocol.Code{0, 0, protocol.TransactionAbortable, 0, protocol.ProducerFenced, protocol.InvalidRequest, protocol.InvalidProducerIDMapping}
	if got := addCodes(resp); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAddOrVerify(t *testing.T) {
	b := newBench(t)
	pid := ask(b, b.InitProducerID, initRequest(5, "x")).ProducerID
	tps := []txn.TopicPartition{{Topic: "t", Partition: 0}, {Topic: "u", Partition: 1}}
	do := func(id string, epoch int16, tps []txn.TopicPartition, verifyOnly bool) (codes []protocol.Code) {
		b.AddOrVerify(id, pid, epoch, tps, verifyOnly, func(c []protocol.Code) { codes = c })
		return codes
	}
	for _, c := range []struct {
		id         string
		epoch      int16
		tps        []txn.TopicPartition
		verifyOnly bool
		want       []protocol.Code
	}{
		{"x", 0, tps, true, []protocol.Code{protocol.TransactionAbortable, protocol.TransactionAbortable}},
		{"x", 0, tps[:1], false, []protocol.Code{0}},
		{"x", 0, tps, true, []protocol.Code{0, protocol.TransactionAbortable}},
		{"x", 0, tps, false, []protocol.Code{0, 0}},
		{"x", 1, tps, false, []protocol.Code{protocol.ProducerFenced, protocol.ProducerFenced}},
		{"x", 1, tps, true, []protocol.Code{protocol.ProducerFenced, protocol.ProducerFenced}},
		{"", 0, tps, false, []protocol.Code{protocol.InvalidRequest, protocol.InvalidRequest}},
		{"", 0, tps[:1], true, []protocol.Code{protocol.InvalidRequest}},
	} {
		if got := do(c.id, c.epoch, c.tps, c.verifyOnly); !slices.Equal(got, c.want) {
			t.Errorf("%q epoch %d verify %v: got %v, want %v", c.id, c.epoch, c.verifyOnly, got, c.want)
		}
	}
	if got := LeaderCode(protocol.ProducerFenced, true); got != protocol.InvalidProducerEpoch {
		t.Errorf("a leader passes on %s", got.Name())
	}
	if got := LeaderCode(protocol.TransactionAbortable, false); got != protocol.InvalidTxnState {
		t.Errorf("a leader passes on %s", got.Name())
	}
	if got := LeaderCode(protocol.TransactionAbortable, true); got != protocol.TransactionAbortable {
		t.Errorf("a leader passes on %s", got.Name())
	}
}

// TestWhereNobodyCoordinates asks a broker that leads nothing, that loads, and that is closed.
func TestWhereNobodyCoordinates(t *testing.T) {
	b := newBench(t)
	partition := b.PartitionFor("x")
	list := kmsg.NewPtrListTransactionsRequest()
	check := func(want, wantList, wantDescribe protocol.Code) {
		t.Helper()
		b.want(ask(b, b.InitProducerID, initRequest(5, "x")).ErrorCode, want)
		b.want(ask(b, b.EndTxn, endRequest(5, "x", 1, 0, true)).ErrorCode, want)
		b.want(int16(addCodes(ask(b, b.AddPartitionsToTxn, addRequest(3, "x", 1, 0, "t", 0)))[0]), want)
		b.want(ask(b, b.ListTransactions, list).ErrorCode, wantList)
		b.want(b.describe("x").ErrorCode, wantDescribe)
		b.AddOrVerify("x", 1, 0, []txn.TopicPartition{{Topic: "t"}}, true, func(codes []protocol.Code) { b.want(int16(codes[0]), want) })
	}
	b.OnPartitionResigned(partition, 8)
	check(protocol.NotCoordinator, protocol.None, protocol.NotCoordinator)
	b.hold = true
	b.OnPartitionLeader(partition, 9, &memlog.Log{})
	check(protocol.CoordinatorLoadInProgress, protocol.CoordinatorLoadInProgress, protocol.CoordinatorLoadInProgress)
	b.loads[0]()
	b.want(ask(b, b.InitProducerID, initRequest(5, "x")).ErrorCode, protocol.None)
	b.Close()
	b.OnPartitionLeader(partition, 10, &memlog.Log{})
	check(protocol.NotCoordinator, protocol.CoordinatorNotAvailable, protocol.CoordinatorNotAvailable)

	// What no coordinator serves is told by any.
	b.want(ask(b, b.InitProducerID, initRequest(5, "")).ErrorCode, protocol.InvalidRequest)
	b.want(ask(b, b.EndTxn, endRequest(5, "", 1, 0, true)).ErrorCode, protocol.InvalidRequest)
}

func TestListTransactionsOfAllShards(t *testing.T) {
	b := newBench(t)
	for i := range 20 {
		b.want(ask(b, b.InitProducerID, initRequest(5, fmt.Sprint("id-", i))).ErrorCode, protocol.None)
	}
	req := kmsg.NewPtrListTransactionsRequest()
	req.Version, req.StateFilters = 2, []string{"Empty", "Nonsense"}
	pattern := "id-1."
	req.TransactionalIDPattern = &pattern
	resp := ask(b, b.ListTransactions, req)
	if len(resp.TransactionStates) != 10 || !slices.Equal(resp.UnknownStateFilters, []string{"Nonsense"}) {
		t.Errorf("got %v", resp)
	}
	pattern = "("
	b.want(ask(b, b.ListTransactions, req).ErrorCode, protocol.InvalidRegularExpression)
}

// TestProducerIDsComeLate answers requests when the producer id is there, or when the shard is lost.
func TestProducerIDsComeLate(t *testing.T) {
	b := newBench(t)
	b.idError = protocol.CoordinatorLoadInProgress
	b.want(ask(b, b.InitProducerID, initRequest(5, "x")).ErrorCode, protocol.CoordinatorLoadInProgress)
	b.holdIDs = true
	first := scripttest.Ask(b.t, b.InitProducerID, initRequest(5, "x"))
	second := scripttest.Ask(b.t, b.InitProducerID, initRequest(5, "x"))
	if _, ok := first(); ok {
		t.Fatal("answered without a producer id")
	}
	b.waitingIDs[1](2001, nil) // whichever comes first
	if resp, _ := first(); resp.ProducerID != 2001 || resp.ProducerEpoch != 0 {
		t.Fatalf("got %v", resp)
	}
	b.OnPartitionResigned(b.PartitionFor("x"), -1)
	resp, _ := second()
	b.want(resp.ErrorCode, protocol.NotCoordinator)
	b.waitingIDs[0](2000, nil) // nobody is there to take it
}
