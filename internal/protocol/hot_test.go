package protocol

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Both hand-written codecs are compared with kmsg's, which is written from Kafka's schemas, in every version.

func TestProduceDecodesWhatKmsgEncodes(t *testing.T) {
	for v := int16(3); v <= 13; v++ {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			req := kmsg.NewPtrProduceRequest()
			req.SetVersion(v)
			txn := "txn"
			req.TransactionID = &txn
			req.Acks, req.TimeoutMillis = -1, 1234
			for i, name := range []string{"first", "second"} {
				topic := kmsg.NewProduceRequestTopic()
				topic.Topic = name
				topic.TopicID = [16]byte{byte(i + 1)}
				for p := int32(0); p < 3; p++ {
					part := kmsg.NewProduceRequestTopicPartition()
					part.Partition = p
					part.Records = bytes.Repeat([]byte{byte(p)}, int(p)*10)
					topic.Partitions = append(topic.Partitions, part)
				}
				req.Topics = append(req.Topics, topic)
			}
			var got ProduceRequest
			for range 2 { // the second time into used memory
				if err := got.Decode(req.AppendTo(nil), v); err != nil {
					t.Fatal(err)
				}
			}
			if string(got.TransactionalID) != txn || !got.Transactional || got.Acks != -1 || got.TimeoutMs != 1234 || len(got.Topics) != 2 {
				t.Fatalf("decoded %+v", got)
			}
			for i, topic := range got.Topics {
				want := req.Topics[i]
				if v >= 13 && topic.ID != want.TopicID || v < 13 && string(topic.Name) != want.Topic || len(topic.Partitions) != 3 {
					t.Fatalf("topic %d: %+v, want %+v", i, topic, want)
				}
				for j, part := range topic.Partitions {
					if part.Index != int32(j) || !bytes.Equal(part.Records, want.Partitions[j].Records) {
						t.Fatalf("partition %d: %+v", j, part)
					}
				}
			}
		})
	}
}

func TestProduceResponseReadsBackWithKmsg(t *testing.T) {
	for v := int16(0); v <= 13; v++ {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			req := ProduceRequest{Topics: []ProduceTopic{{Name: []byte("topic"), ID: [16]byte{7}, Partitions: []ProducePartition{
				{Index: 1, BaseOffset: 42, LogAppendMs: 99, LogStartOffset: 3, LeaderID: -1},
				{Index: 2, Code: NotLeaderOrFollower, BaseOffset: -1, LogAppendMs: -1, LogStartOffset: -1, LeaderID: 5, LeaderEpoch: 6, ErrorMessage: "moved",
					RecordErrors: []ProduceRecordError{{BatchIndex: 1, Message: "bad"}, {BatchIndex: 2}}},
			}}}}
			body := req.AppendResponse([]byte("head"), v, 11, []NodeEndpoint{{ID: 5, Host: "host", Port: 9}})[4:]
			resp := kmsg.NewPtrProduceResponse()
			resp.SetVersion(v)
			if err := resp.ReadFrom(body); err != nil {
				t.Fatal(err)
			}
			if again := resp.AppendTo(nil); !bytes.Equal(again, body) {
				t.Fatalf("kmsg encodes its reading otherwise:\n%x\n%x", again, body)
			}
			parts := resp.Topics[0].Partitions
			if parts[0].BaseOffset != 42 || parts[1].ErrorCode != int16(NotLeaderOrFollower) {
				t.Fatalf("read %+v", parts)
			}
			if v >= 10 && (parts[1].CurrentLeader.LeaderID != 5 || len(resp.Brokers) != 1) {
				t.Fatalf("leader hints are missing: %+v", resp)
			}
		})
	}
}

func TestFetchDecodesWhatKmsgEncodes(t *testing.T) {
	for v := int16(4); v <= 18; v++ {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			req := kmsg.NewPtrFetchRequest()
			req.SetVersion(v)
			req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.IsolationLevel = 1, 2, 3, 1
			req.SessionID, req.SessionEpoch, req.Rack = 8, 9, "rack"
			req.ReplicaID = 4
			req.ReplicaState.ID, req.ReplicaState.Epoch = 4, 5
			cluster := "cluster"
			req.ClusterID = &cluster
			for i, name := range []string{"first", "second"} {
				topic := kmsg.NewFetchRequestTopic()
				topic.Topic, topic.TopicID = name, [16]byte{byte(i + 1)}
				for p := int32(0); p < 3; p++ {
					part := kmsg.NewFetchRequestTopicPartition()
					part.Partition, part.CurrentLeaderEpoch, part.FetchOffset, part.LastFetchedEpoch, part.LogStartOffset, part.PartitionMaxBytes = p, 1, 2, 3, 4, 5
					topic.Partitions = append(topic.Partitions, part)
				}
				req.Topics = append(req.Topics, topic)
				forgotten := kmsg.NewFetchRequestForgottenTopic()
				forgotten.Topic, forgotten.TopicID, forgotten.Partitions = name, [16]byte{byte(i + 1)}, []int32{6, 7}
				req.ForgottenTopics = append(req.ForgottenTopics, forgotten)
			}
			var got FetchRequest
			for range 2 {
				if err := got.Decode(req.AppendTo(nil), v); err != nil {
					t.Fatal(err)
				}
			}
			if got.MaxWaitMs != 1 || got.MinBytes != 2 || got.MaxBytes != 3 || got.Isolation != 1 || got.ReplicaID != 4 || len(got.Topics) != 2 {
				t.Fatalf("decoded %+v", got)
			}
			want := FetchPartition{Index: 2, CurrentLeaderEpoch: -1, FetchOffset: 2, LastFetchedEpoch: -1, LogStartOffset: -1, MaxBytes: 5}
			if v >= 5 {
				want.LogStartOffset = 4
			}
			if v >= 7 && (got.SessionID != 8 || got.SessionEpoch != 9 || len(got.Forgotten) != 2 || !reflect.DeepEqual(got.Forgotten[1].Partitions, []int32{6, 7})) {
				t.Fatalf("session: %+v", got)
			}
			if v >= 9 {
				want.CurrentLeaderEpoch = 1
			}
			if v >= 11 && string(got.RackID) != "rack" {
				t.Fatalf("rack %q", got.RackID)
			}
			if v >= 12 {
				want.LastFetchedEpoch = 3
				if string(got.ClusterID) != cluster {
					t.Fatalf("cluster %q", got.ClusterID)
				}
			}
			topic := got.Topics[1]
			if v >= 13 && topic.ID[0] != 2 || v < 13 && string(topic.Name) != "second" || len(topic.Partitions) != 3 || topic.Partitions[2] != want {
				t.Fatalf("topic %+v, want partition %+v", topic, want)
			}
		})
	}
}

func TestFetchResponseReadsBackWithKmsg(t *testing.T) {
	for v := int16(4); v <= 18; v++ {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			w := NewFetchResponseWriter(nil, v)
			w.Head(FetchResponseHead{ThrottleMs: 1, SessionID: 2, Topics: 1})
			w.Topic([]byte("topic"), [16]byte{9}, 3)
			first := FetchPartitionHead{Index: 0, HighWatermark: 10, LastStableOffset: 10, LogStartOffset: 1, RecordsSize: 5, DivergingEndOffset: -1, LeaderID: -1,
				Committed: true, Aborted: []AbortedTransaction{{ProducerID: 7, FirstOffset: 1}, {ProducerID: 8, FirstOffset: 3}}}
			w.Partition(first)
			w.w.b = append(w.w.b, "bytes"...)
			w.EndPartition(first)
			second := FetchPartitionHead{Index: 1, Code: FencedLeaderEpoch, HighWatermark: -1, LastStableOffset: -1, LogStartOffset: -1, RecordsSize: -1, DivergingEpoch: 3, DivergingEndOffset: 4, LeaderID: 1, LeaderEpoch: 2}
			w.Partition(second)
			w.EndPartition(second)
			none := FetchPartitionHead{Index: 2, Committed: true, DivergingEndOffset: -1, LeaderID: -1}
			w.Partition(none)
			w.EndPartition(none)
			w.EndTopic()
			w.End([]NodeEndpoint{{ID: 1, Host: "h", Port: 2, Rack: "r"}})
			resp := kmsg.NewPtrFetchResponse()
			resp.SetVersion(v)
			if err := resp.ReadFrom(w.Bytes()); err != nil {
				t.Fatal(err)
			}
			parts := resp.Topics[0].Partitions
			if string(parts[0].RecordBatches) != "bytes" || parts[0].HighWatermark != 10 || parts[1].ErrorCode != int16(FencedLeaderEpoch) {
				t.Fatalf("read %+v", parts)
			}
			if a := parts[0].AbortedTransactions; len(a) != 2 || a[0].ProducerID != 7 || a[1].FirstOffset != 3 || parts[1].AbortedTransactions != nil ||
				parts[2].AbortedTransactions == nil || len(parts[2].AbortedTransactions) != 0 {
				t.Fatalf("aborted transactions: %+v, %+v, %+v", a, parts[1].AbortedTransactions, parts[2].AbortedTransactions)
			}
			if v >= 12 && (parts[1].DivergingEpoch.EndOffset != 4 || parts[1].CurrentLeader.LeaderID != 1 || parts[0].CurrentLeader.LeaderID != -1) {
				t.Fatalf("tags: %+v", parts[1])
			}
			if v >= 16 && len(resp.Brokers) != 1 {
				t.Fatalf("endpoints: %+v", resp.Brokers)
			}
		})
	}
}

func FuzzProduceDecode(f *testing.F) {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(9)
	f.Add(int16(9), req.AppendTo(nil))
	f.Add(int16(3), []byte{0xff, 0xff, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		var p ProduceRequest
		if p.Decode(body, 3+(version&0xf)%11) == nil {
			for i := range p.Topics {
				_ = p.Topics[i].Partitions
			}
		}
	})
}

func FuzzFetchDecode(f *testing.F) {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(13)
	f.Add(int16(13), req.AppendTo(nil))
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		var p FetchRequest
		_ = p.Decode(body, 4+(version&0xf)%15)
	})
}

func FuzzRequestHeader(f *testing.F) {
	f.Add([]byte{0, 18, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0})
	f.Fuzz(func(t *testing.T, frame []byte) { _, _, _ = ParseRequestHeader(frame) })
}

func TestDecodersAllocateNothingInSteadyState(t *testing.T) {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(11)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "t"
	topic.Partitions = append(topic.Partitions, kmsg.ProduceRequestTopicPartition{Partition: 1, Records: make([]byte, 100)})
	req.Topics = append(req.Topics, topic)
	body := req.AppendTo(nil)
	var p ProduceRequest
	var out []byte
	allocs := testing.AllocsPerRun(100, func() {
		if err := p.Decode(body, 11); err != nil {
			t.Fatal(err)
		}
		out = p.AppendResponse(out[:0], 11, 0, nil)
	})
	if allocs != 0 {
		t.Fatalf("a produce request costs %v allocations, want 0", allocs)
	}
}
