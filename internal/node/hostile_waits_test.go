package node_test

import (
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/record"
)

// TestHostileShortWaits has fetches whose time ends just as records arrive.
func TestHostileShortWaits(t *testing.T) {
	v := attacked(t, nil)
	create(t, v, "busy", nil)
	stop := time.Now().Add(2 * time.Second)
	done := make(chan error, 5)
	writes := frameOf(produceRequest("busy", 0, batch(t, record.CodecNone, 1, 10)), 9)
	for worker := range 5 {
		a := attack(t, v.b.Addr())
		go func() {
			end := int64(0)
			for time.Now().Before(stop) {
				frame := writes
				if worker > 0 {
					frame = waitingFetch("busy", end, 1)
				}
				a.send(frame)
				b, err := a.read()
				if err != nil {
					done <- err
					return
				}
				if worker > 0 {
					end = highWatermark(b)
				}
			}
			done <- nil
		}()
	}
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	// And those that wait when their client goes, answered or not.
	for range 200 {
		a := attack(t, v.b.Addr())
		a.send(append(waitingFetch("busy", 1<<20, 30_000), waitingFetch(goodTopic, 0, 1)...))
		_ = a.conn.(*net.TCPConn).SetLinger(0)
		a.conn.Close()
	}
	serves(t, v.b.Addr())
}

func waitingFetch(topic string, offset int64, maxWaitMs int32) []byte {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxBytes, req.MinBytes, req.MaxWaitMillis, req.SessionEpoch = -1, 1<<20, 1, maxWaitMs, -1
	ft := kmsg.NewFetchRequestTopic()
	ft.Topic = topic
	fp := kmsg.NewFetchRequestTopicPartition()
	fp.FetchOffset, fp.PartitionMaxBytes, fp.CurrentLeaderEpoch = offset, 1<<20, -1
	ft.Partitions = append(ft.Partitions, fp)
	req.Topics = append(req.Topics, ft)
	return frameOf(req, 12)
}

func highWatermark(answer []byte) int64 {
	var resp kmsg.FetchResponse
	resp.SetVersion(12)
	if resp.ReadFrom(answer[5:]) != nil || len(resp.Topics) == 0 {
		return 0
	}
	return max(0, resp.Topics[0].Partitions[0].HighWatermark)
}
