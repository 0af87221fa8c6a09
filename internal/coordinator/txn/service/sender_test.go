package service

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// end takes a transactional id through a transaction with partitions of t up to the answer to EndTxn.
func (b *bench) end(id string, ps ...int32) {
	b.t.Helper()
	initialized := ask(b, b.InitProducerID, initRequest(5, id))
	b.want(initialized.ErrorCode, protocol.None)
	b.want(int16(addCodes(ask(b, b.AddPartitionsToTxn, addRequest(5, id, initialized.ProducerID, initialized.ProducerEpoch, "t", ps...)))[0]), protocol.None)
	b.want(ask(b, b.EndTxn, endRequest(5, id, initialized.ProducerID, initialized.ProducerEpoch, true)).ErrorCode, protocol.None)
}

func none(string, int32) protocol.Code { return protocol.None }

// TestMarkersGoTogetherWhenManyWait bounds what is unanswered, and sends what came meanwhile in one request.
func TestMarkersGoTogetherWhenManyWait(t *testing.T) {
	b := newBench(t)
	b.holdMarkers = true
	b.config.MaxMarkerRequestsInFlight, b.config.MaxMarkersPerRequest = 2, 3
	for i := range 9 {
		b.end(fmt.Sprint("id-", i), 0)
	}
	if len(b.requests) != 2 {
		t.Fatalf("%d requests are under way, want 2", len(b.requests))
	}
	var sizes []int
	for i := 0; i < len(b.requests); i++ {
		sizes = append(sizes, len(b.requests[i].Markers))
		b.requests[i].answer(b, none)
	}
	if want := []int{1, 1, 3, 3, 1}; !slices.Equal(sizes, want) {
		t.Errorf("requests of %v markers, want %v", sizes, want)
	}
	for i := range 9 {
		b.wantState(fmt.Sprint("id-", i), "CompleteCommit")
	}
	if len(b.written) != 9 {
		t.Errorf("markers are %v", b.written)
	}
}

// TestMarkersFailAndComeLate answers requests in any order, partly, with errors and not at all.
func TestMarkersFailAndComeLate(t *testing.T) {
	b := newBench(t)
	b.holdMarkers = true
	b.end("x", 0, 1)
	b.end("y", 0, 1)
	b.end("z", 0, 1)
	b.requests[2].done(nil, errors.New("the connection broke")) // z
	b.requests[1].answer(b, func(_ string, p int32) protocol.Code {
		if p == 1 {
			return protocol.NotLeaderOrFollower
		}
		return protocol.None
	})
	b.requests[0].done(kmsg.NewPtrWriteTxnMarkersResponse(), nil) // x is not mentioned
	for _, id := range []string{"x", "y", "z"} {
		b.wantState(id, "PrepareCommit")
	}
	b.clock.Advance(100 * time.Millisecond)
	if len(b.requests) != 6 {
		t.Fatalf("%d requests, want 6", len(b.requests))
	}
	for _, r := range b.requests[3:] {
		r.answer(b, none)
	}
	for _, id := range []string{"x", "y", "z"} {
		b.wantState(id, "CompleteCommit")
	}
	for marker, times := range b.written {
		if times != 1 {
			t.Errorf("%s was written %d times", marker, times)
		}
	}
}

// TestShuffledAnswer has an answer in another order than its request.
func TestShuffledAnswer(t *testing.T) {
	b := newBench(t)
	b.holdMarkers = true
	b.config.MaxMarkerRequestsInFlight = 1
	b.end("first", 0)
	for i := range 4 {
		b.end(fmt.Sprint("id-", i), int32(i))
	}
	b.requests[0].answer(b, none)
	second := b.requests[1]
	done := second.done
	second.done = func(resp *kmsg.WriteTxnMarkersResponse, err error) {
		slices.Reverse(resp.Markers)
		resp.Markers = append(resp.Markers[:1], resp.Markers[2:]...) // and without that of id-2
		done(resp, err)
	}
	second.answer(b, none)
	for i := range 4 {
		want := "CompleteCommit"
		if i == 2 {
			want = "PrepareCommit"
		}
		b.wantState(fmt.Sprint("id-", i), want)
	}
}

// TestMarkersOfAPartitionThatMoves are not sent any more, and sent by the next coordinator with its epoch.
func TestMarkersOfAPartitionThatMoves(t *testing.T) {
	b := newBench(t)
	b.holdMarkers = true
	b.config.MaxMarkerRequestsInFlight = 1
	b.end("blocker", 0)
	b.end("x", 0)
	partition := b.PartitionFor("x")
	b.OnPartitionResigned(partition, 8)
	blocker := b.requests[0]
	blocker.answer(b, none)
	if len(b.requests) != 1 {
		t.Fatalf("markers of x were sent by a broker that is not its coordinator")
	}
	b.OnPartitionLeader(partition, 9, b.logs[partition].Clone())
	for i := 1; i < len(b.requests); i++ {
		b.requests[i].answer(b, none)
	}
	b.wantState("x", "CompleteCommit")
	var marker string
	for m := range b.written {
		if m != "t-0 1000/1 commit=true v2 coordinator 7" && m != "t-0 1000/1 commit=true v2 coordinator 9" {
			marker = m
		}
	}
	if marker != "t-0 1001/1 commit=true v2 coordinator 9" {
		t.Errorf("markers are %v", b.written)
	}
}

// TestManyAnsweredAtOnce has requests answered before WriteMarkers returns: neither stack nor queue grow with them.
func TestManyAnsweredAtOnce(t *testing.T) {
	b := newBench(t)
	b.holdMarkers = true
	b.config.MaxMarkerRequestsInFlight, b.config.MaxMarkersPerRequest = 1, 1
	for i := range 2000 {
		b.end(fmt.Sprint("id-", i), 0)
	}
	b.holdMarkers = false
	b.requests[0].answer(b, none)
	if b.sent != 2000 || len(b.written) != 2000 {
		t.Errorf("%d requests, %d markers", b.sent, len(b.written))
	}
	if b.sender.inFlight != 0 || b.sender.queue != nil {
		t.Errorf("%d are under way, %d queued", b.sender.inFlight, len(b.sender.queue))
	}
}

// TestMarkersOfANewEpoch are sent by a coordinator that was behind, and is elected again.
func TestMarkersOfANewEpoch(t *testing.T) {
	b := newBench(t)
	b.holdMarkers = true
	b.end("x", 0)
	b.requests[0].answer(b, func(string, int32) protocol.Code { return protocol.TransactionCoordinatorFenced })
	b.clock.Advance(time.Minute)
	if len(b.requests) != 1 {
		t.Fatalf("%d requests after it was fenced off", len(b.requests))
	}
	partition := b.PartitionFor("x")
	b.OnPartitionLeader(partition, 7, b.logs[partition]) // old news
	b.OnPartitionLeader(partition, 12, b.logs[partition])
	b.requests[1].answer(b, none)
	b.wantState("x", "CompleteCommit")
	if b.written["t-0 1000/1 commit=true v2 coordinator 12"] != 1 {
		t.Errorf("markers are %v", b.written)
	}
}
