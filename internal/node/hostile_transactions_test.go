package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// TestHostileTransactionRequestsAreCheap sends requests about transactions as long as they may be. What is looked up in them must not be looked up
// by going through them: the answer would take minutes.
func TestHostileTransactionRequestsAreCheap(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 10_000 // the race detector takes its time
	}
	v := attacked(t, nil)
	a := attack(t, v.b.Addr())
	p := beginAs(t, a, "cheap")
	markers, topics := kmsg.NewPtrWriteTxnMarkersRequest(), kmsg.NewPtrWriteTxnMarkersRequest()
	for i := range int64(n) {
		m := kmsg.NewWriteTxnMarkersRequestMarker()
		m.ProducerID, m.Topics = i, []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: "none", Partitions: []int32{0}}}
		markers.Markers = append(markers.Markers, m)
	}
	m := kmsg.NewWriteTxnMarkersRequestMarker()
	add := kmsg.NewPtrAddPartitionsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch = "cheap", p.ProducerID, p.ProducerEpoch
	list, describe := kmsg.NewPtrListTransactionsRequest(), kmsg.NewPtrDescribeTransactionsRequest()
	for i := range n {
		name := fmt.Sprintf("%06x", i)
		m.Topics = append(m.Topics, kmsg.WriteTxnMarkersRequestMarkerTopic{Topic: name, Partitions: []int32{0}})
		add.Topics = append(add.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: name, Partitions: []int32{0}})
		list.StateFilters = append(list.StateFilters, name)
		list.ProducerIDFilters = append(list.ProducerIDFilters, int64(i)+1<<40)
		describe.TransactionalIDs = append(describe.TransactionalIDs, name)
	}
	topics.Markers = append(topics.Markers, m)
	for _, test := range []struct {
		name    string
		version int16
		req     kmsg.Request
	}{
		{"markers", 1, markers}, {"topics of a marker", 1, topics}, {"partitions", 3, add}, {"filters", 1, list}, {"ids", 0, describe},
	} {
		began := time.Now()
		ask[kmsg.Response](a, test.req, test.version)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: %v", test.name, took)
		} else {
			t.Logf("%s: %v", test.name, took)
		}
	}
}

// TestHostileTransactionalIDs uses ids that are as long as a string can be, and empty.
func TestHostileTransactionalIDs(t *testing.T) {
	v := attacked(t, nil)
	a := attack(t, v.b.Addr())
	long := string(make([]byte, 32_767))
	p := beginAs(t, a, long)
	a.send(metadataFrame("long", true)).answer()
	if code := produceAs(a, &long, inTransaction(t, p, 0), 12, "long")[0]; code != protocol.None {
		t.Errorf("a batch under a long id: %s", code.Name())
	}
	endTransaction(t, a, long, p, true, 5)
	awaitState(t, a, long, "CompleteCommit")
	empty := ""
	if code := produceAs(a, &empty, inTransaction(t, p, 0), 12, "long")[0]; code != protocol.InvalidRequest {
		t.Errorf("a batch under an empty id: %s", code.Name())
	}
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = &empty, 1000
	if code := protocol.Code(ask[*kmsg.InitProducerIDResponse](a, req, 4).ErrorCode); code != protocol.InvalidRequest {
		t.Errorf("an empty id: %s", code.Name())
	}
}
