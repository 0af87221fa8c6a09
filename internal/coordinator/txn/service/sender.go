package service

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/txn"
)

// markersRequestVersion is the version of WriteTxnMarkers whose markers have a transaction version.
const markersRequestVersion = 2

// sender sends the markers of all shards. Each goes out at once until too many requests are unanswered; what comes after
// that goes together.
type sender struct {
	options  *Options
	epoch    func(partition int32) (epoch int32, leads bool)
	answered func(batch []queuedMarkers, resp *kmsg.WriteTxnMarkersResponse)

	mu       sync.Mutex // guards the fields below
	queue    []queuedMarkers
	inFlight int
}

// queuedMarkers are the markers of one transaction, of a partition of __transaction_state.
type queuedMarkers struct {
	partition int32
	markers   *txn.Markers
}

func (s *Service) sendMarkers(markers *txn.Markers) {
	s.sender.send(queuedMarkers{s.PartitionFor(markers.TransactionalID), markers})
}

func (s *sender) send(q queuedMarkers) {
	s.mu.Lock()
	s.queue = append(s.queue, q)
	s.mu.Unlock()
	s.pump()
}

// pump sends what is queued as long as it may.
func (s *sender) pump() {
	for {
		req, batch := s.take()
		if req == nil {
			return
		}
		s.write(req, batch)
	}
}

// take makes a request of what is queued; nil when there is nothing, or too much is unanswered.
func (s *sender) take() (*kmsg.WriteTxnMarkersRequest, []queuedMarkers) {
	config := s.options.Config()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 || s.inFlight >= max(config.MaxMarkerRequestsInFlight, 1) {
		return nil, nil
	}
	n := min(len(s.queue), max(config.MaxMarkersPerRequest, 1))
	req := &kmsg.WriteTxnMarkersRequest{Version: markersRequestVersion, Markers: make([]kmsg.WriteTxnMarkersRequestMarker, 0, n)}
	batch := make([]queuedMarkers, 0, n)
	for len(s.queue) > 0 && len(batch) < n {
		q := s.queue[0]
		s.queue = s.queue[1:]
		if epoch, leads := s.epoch(q.partition); leads { // else whoever leads the partition now sends them
			batch = append(batch, q)
			req.Markers = append(req.Markers, markerOf(q.markers, epoch))
		}
	}
	if len(s.queue) == 0 {
		s.queue = nil
	}
	if len(batch) == 0 {
		return nil, nil
	}
	s.inFlight++
	return req, batch
}

func markerOf(m *txn.Markers, coordinatorEpoch int32) kmsg.WriteTxnMarkersRequestMarker {
	marker := kmsg.WriteTxnMarkersRequestMarker{
		ProducerID: m.ProducerID, ProducerEpoch: m.ProducerEpoch, Committed: m.Commit, CoordinatorEpoch: coordinatorEpoch,
		TransactionVersion: int8(m.TransactionVersion), Topics: make([]kmsg.WriteTxnMarkersRequestMarkerTopic, len(m.Topics)),
	}
	for i, t := range m.Topics {
		marker.Topics[i] = kmsg.WriteTxnMarkersRequestMarkerTopic{Topic: t.Topic, Partitions: t.Partitions}
	}
	return marker
}

// write sends one request. An answer that comes before WriteMarkers returns does not pump: the loop that called this goes
// on, where calling each other would use up the stack.
func (s *sender) write(req *kmsg.WriteTxnMarkersRequest, batch []queuedMarkers) {
	returned := false // guarded by mu
	s.options.WriteMarkers(req, func(resp *kmsg.WriteTxnMarkersResponse, err error) {
		if err != nil {
			s.options.Logger.Warn("markers of transactions could not be sent; they are tried again", "transactions", len(batch), "err", err)
			resp = nil
		}
		s.mu.Lock()
		s.inFlight--
		later := returned
		s.mu.Unlock()
		s.answered(batch, resp)
		if later {
			s.pump()
		}
	})
	s.mu.Lock()
	returned = true
	s.mu.Unlock()
}

// markersAnswered brings each shard its part of the answer.
func (s *Service) markersAnswered(batch []queuedMarkers, resp *kmsg.WriteTxnMarkersResponse) {
	answers := answersInOrder(batch, resp)
	for i, q := range batch {
		s.runtime.Write(q.partition, func(m *txn.Machine, now time.Time) machine.Result {
			return m.MarkersAnswered(now, q.markers, answers[i])
		}, func(error) {}) // the partition is led by somebody else, who sends them again
	}
}

// answersInOrder finds the answer to each of the markers, by its producer id. They come in the order of the request unless
// somebody shuffled them.
func answersInOrder(batch []queuedMarkers, resp *kmsg.WriteTxnMarkersResponse) []*kmsg.WriteTxnMarkersResponseMarker {
	answers := make([]*kmsg.WriteTxnMarkersResponseMarker, len(batch))
	if resp == nil {
		return answers
	}
	used := make([]bool, len(resp.Markers))
	for i, q := range batch {
		for j := range resp.Markers {
			k := (i + j) % len(resp.Markers)
			if !used[k] && resp.Markers[k].ProducerID == q.markers.ProducerID {
				answers[i], used[k] = &resp.Markers[k], true
				break
			}
		}
	}
	return answers
}
