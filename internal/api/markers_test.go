package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// markersFor asks for the end of a producer's transaction in some partitions of t and of a topic that is not there.
func markersFor(producerID int64, epoch int16, commit bool, partitions ...int32) kmsg.WriteTxnMarkersRequestMarker {
	m := kmsg.NewWriteTxnMarkersRequestMarker()
	m.ProducerID, m.ProducerEpoch, m.Committed, m.CoordinatorEpoch = producerID, epoch, commit, 3
	m.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: "t", Partitions: partitions}, {Topic: "nowhere", Partitions: []int32{0}}}
	return m
}

func writeMarkers(t *testing.T, s *Server, markers ...kmsg.WriteTxnMarkersRequestMarker) *kmsg.WriteTxnMarkersResponse {
	t.Helper()
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	req.Version, req.Markers = 2, markers
	answers := make(chan *kmsg.WriteTxnMarkersResponse, 2)
	m := &Markers{Replicas: s.Replicas, Clock: s.Clock, Logger: s.Logger}
	m.Write(req, func(resp *kmsg.WriteTxnMarkersResponse, err error) {
		if err != nil {
			t.Error(err)
		}
		answers <- resp
	})
	return <-answers
}

func TestMarkersEndTransactionsOnePartitionAtATime(t *testing.T) {
	for name, settings := range map[string]map[string]string{"at once": nil, "on stable storage first": {"ottla.flush.before.ack": "true"}} {
		t.Run(name, func(t *testing.T) {
			s := verifying(t, settings, &fakeVerifier{answer: confirm})
			produceInTransaction(t, s, 12, 0, 0, 1, 2)
			resp := writeMarkers(t, s, markersFor(7, 0, true, 0, 5), markersFor(8, 0, true, 1), markersFor(7, 0, false, 2))
			if len(resp.Markers) != 2 || resp.Markers[0].ProducerID != 7 || resp.Markers[1].ProducerID != 8 {
				t.Fatalf("answer %+v: want one part for each producer", resp)
			}
			got := map[int32]protocol.Code{}
			for _, p := range resp.Markers[0].Topics[0].Partitions {
				got[p.Partition] = protocol.Code(p.ErrorCode)
			}
			if len(got) != 3 || got[0] != protocol.None || got[2] != protocol.None || got[5] != protocol.UnknownTopicOrPartition {
				t.Errorf("partitions %v", got)
			}
			if p := resp.Markers[0].Topics[1].Partitions; resp.Markers[0].Topics[1].Topic != "nowhere" || protocol.Code(p[0].ErrorCode) != protocol.UnknownTopicOrPartition {
				t.Errorf("the topic that is not there: %+v", resp.Markers[0].Topics[1])
			}
			for index, want := range map[int32]struct {
				stable  int64
				aborted int
			}{0: {2, 0}, 1: {0, 0}, 2: {2, 1}} {
				p, err := s.Replicas.Partition("t", index)
				if err != nil {
					t.Fatal(err)
				}
				aborted, err := p.Log().AbortedTransactions(nil, 0, 10)
				if stable := p.Log().LastStableOffset(); err != nil || stable != want.stable || len(aborted) != want.aborted {
					t.Errorf("partition %d: last stable offset %d, aborted %v, %v; want %+v", index, stable, aborted, err, want)
				}
			}
		})
	}
}

func confirm(_ int, partitions []txn.TopicPartition, _ bool, done func([]protocol.Code)) {
	done(codesOf(len(partitions), protocol.None))
}

func TestMarkersOfNobodyAndOfOldCoordinators(t *testing.T) {
	s := verifying(t, nil, &fakeVerifier{answer: confirm})
	produceInTransaction(t, s, 12, 0, 0)
	old := markersFor(7, 0, true, 0)
	old.CoordinatorEpoch = 2
	for _, test := range []struct {
		marker kmsg.WriteTxnMarkersRequestMarker
		want   protocol.Code
	}{
		{markersFor(-1, 0, true, 0), protocol.UnknownServerError},
		{markersFor(7, -1, true, 0), protocol.UnknownServerError},
		{markersFor(7, 0, true, 0), protocol.None},
		{old, protocol.TransactionCoordinatorFenced},
	} {
		if got := protocol.Code(writeMarkers(t, s, test.marker).Markers[0].Topics[0].Partitions[0].ErrorCode); got != test.want {
			t.Errorf("producer %d, epoch %d, coordinator %d: %s, want %s", test.marker.ProducerID, test.marker.ProducerEpoch, test.marker.CoordinatorEpoch, got.Name(), test.want.Name())
		}
	}
	if resp := writeMarkers(t, s); len(resp.Markers) != 0 {
		t.Errorf("no markers gave %+v", resp)
	}
}

// TestMarkerOfLevelTwoCarriesAnEpochOfItsOwn: under transaction.version 2 the transaction's own epoch ends nothing (KIP-1228).
func TestMarkerOfLevelTwoCarriesAnEpochOfItsOwn(t *testing.T) {
	s := verifying(t, nil, &fakeVerifier{answer: confirm})
	if part := produceInTransaction(t, s, 12, 0, 0)[0]; part.Code != protocol.None {
		t.Fatal(part.Code.Name())
	}
	for epoch, want := range []protocol.Code{protocol.InvalidProducerEpoch, protocol.None} {
		m := markersFor(7, int16(epoch), true, 0)
		m.TransactionVersion = 2
		if got := protocol.Code(writeMarkers(t, s, m).Markers[0].Topics[0].Partitions[0].ErrorCode); got != want {
			t.Errorf("epoch %d: %s, want %s", epoch, got.Name(), want.Name())
		}
	}
	p, _ := s.Replicas.Partition("t", 0)
	slice, err := p.Log().Read(1, 1000, 2, true)
	if err != nil {
		t.Fatal(err)
	}
	defer slice.Release()
	buf := make([]byte, slice.Len())
	if _, err := slice.ReadAt(buf, 0); err != nil {
		t.Fatal(err)
	}
	if m, _, ok, err := record.Batch(buf).Marker(); !ok || err != nil || m.Type != record.ControlCommit || m.CoordinatorEpoch != 3 {
		t.Errorf("marker %+v, %t, %v", m, ok, err)
	}
	if open, err := p.Log().HasOpenTransaction(7); open || err != nil {
		t.Errorf("open %t, %v", open, err)
	}
}
