package admin

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// The codes of a partition that is elsewhere or nowhere.
const (
	unknownTopicOrPartition = 3
	leaderNotAvailable      = 5
	notLeaderOrFollower     = 6
	replicaNotAvailable     = 9
	brokerNotAvailable      = 8
	invalidTopic            = 17
	invalidProducerEpoch    = 47
	coordinatorFenced       = 52
)

// ProducerState is what a partition remembers of a producer.
type ProducerState struct {
	ProducerID       int64
	ProducerEpoch    int32
	LastSequence     int32
	LastTimestampMs  int64
	CoordinatorEpoch int32 // -1: none
	TransactionStart int64 // the first offset of the open transaction; -1: none
	TopicPartition   TopicPartition
}

// InTransaction tells whether the producer has a transaction open in the partition.
func (p ProducerState) InTransaction() bool { return p.TransactionStart >= 0 }

// DescribeProducers asks the leaders of partitions about their producers, or the broker that is named. An error of any partition fails all.
// The answers are in the order of the partitions.
func DescribeProducers(ctx context.Context, c *tool.Client, partitions []TopicPartition, broker *int32) ([]ProducerState, error) {
	call := "describeProducers(api=METADATA)"
	if broker != nil {
		call = "describeProducers(api=DESCRIBE_PRODUCERS)"
	}
	found := map[TopicPartition][]ProducerState{}
	open := slices.Clone(partitions)
	_, err := askAgain(ctx, c, call, func(ctx context.Context) (struct{}, int16, error) {
		targets := map[int32][]TopicPartition{}
		if broker != nil {
			targets[*broker] = open
			if err := RequireBroker(ctx, c, *broker, call); err != nil {
				return struct{}{}, 0, err
			}
		} else {
			var err error
			if targets, err = leaders(ctx, c, open); err != nil {
				return struct{}{}, 0, err
			}
		}
		for target, list := range targets {
			if err := describeProducersOn(ctx, c, target, list, broker != nil, found); err != nil {
				return struct{}{}, 0, err
			}
		}
		open = slices.DeleteFunc(open, func(tp TopicPartition) bool { _, ok := found[tp]; return ok })
		if len(open) > 0 {
			return struct{}{}, unknownTopicOrPartition, nil
		}
		return struct{}{}, 0, nil
	})
	var states []ProducerState
	for _, tp := range partitions {
		states = append(states, found[tp]...)
	}
	return states, err
}

// RequireBroker waits for a broker to be there, which is how Kafka's admin client treats one that is not.
func RequireBroker(ctx context.Context, c *tool.Client, broker int32, call string) error {
	_, err := askAgain(ctx, c, call, func(ctx context.Context) (struct{}, int16, error) {
		nodes, err := callBrokers(ctx, c, call)
		if err != nil || slices.ContainsFunc(nodes, func(n Node) bool { return n.ID == broker }) {
			return struct{}{}, 0, err
		}
		return struct{}{}, brokerNotAvailable, nil
	})
	return err
}

// leaders gives the partitions by the broker that leads them; those without a leader are left out.
func leaders(ctx context.Context, c *tool.Client, partitions []TopicPartition) (map[int32][]TopicPartition, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	for topic := range ByTopic(partitions) {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &topic
		req.Topics = append(req.Topics, t)
	}
	resp, err := tool.Call[*kmsg.MetadataResponse](ctx, c, "metadata", req)
	if err != nil {
		return nil, err
	}
	byLeader := map[int32][]TopicPartition{}
	for _, t := range resp.Topics {
		if t.Topic == nil {
			continue
		}
		switch t.ErrorCode {
		case 0, unknownTopicOrPartition, leaderNotAvailable, brokerNotAvailable:
		case invalidTopic:
			return nil, answered(t.ErrorCode, "Failed to fetch metadata for topic `%s` due to invalid topic error", *t.Topic)
		case topicAuthorizationFailed:
			return nil, answered(t.ErrorCode, "Failed to fetch metadata for topic `%s` due to topic authorization failure", *t.Topic)
		default:
			return nil, answered(t.ErrorCode, "Failed to fetch metadata for topic `%s` due to an unexpected error", *t.Topic)
		}
		for _, p := range t.Partitions {
			tp := TopicPartition{*t.Topic, p.Partition}
			if p.Leader >= 0 && slices.Contains(partitions, tp) {
				byLeader[p.Leader] = append(byLeader[p.Leader], tp)
			}
		}
	}
	return byLeader, nil
}

// describeProducersOn asks one broker. Partitions that may be answered later stay out of found.
func describeProducersOn(ctx context.Context, c *tool.Client, broker int32, partitions []TopicPartition, fixed bool, found map[TopicPartition][]ProducerState) error {
	req := kmsg.NewPtrDescribeProducersRequest()
	for topic, list := range ByTopic(partitions) {
		t := kmsg.NewDescribeProducersRequestTopic()
		t.Topic, t.Partitions = topic, list
		req.Topics = append(req.Topics, t)
	}
	resp, err := tool.CallBroker[*kmsg.DescribeProducersResponse](ctx, c, "describeProducers(api=DESCRIBE_PRODUCERS)", broker, req)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			tp := TopicPartition{t.Topic, p.Partition}
			switch {
			case p.ErrorCode == 0:
				found[tp] = producerStates(tp, p.ActiveProducers)
			case p.ErrorCode == unknownTopicOrPartition || p.ErrorCode == notLeaderOrFollower && !fixed:
			default:
				return describeProducersError(tp, broker, p)
			}
		}
	}
	return nil
}

func producerStates(tp TopicPartition, active []kmsg.DescribeProducersResponseTopicPartitionActiveProducer) []ProducerState {
	states := make([]ProducerState, len(active))
	for i, a := range active {
		states[i] = ProducerState{
			ProducerID: a.ProducerID, ProducerEpoch: a.ProducerEpoch, LastSequence: a.LastSequence, LastTimestampMs: a.LastTimestamp,
			CoordinatorEpoch: max(a.CoordinatorEpoch, -1), TransactionStart: max(a.CurrentTxnStartOffset, -1), TopicPartition: tp,
		}
	}
	return states
}

func describeProducersError(tp TopicPartition, broker int32, p kmsg.DescribeProducersResponseTopicPartition) error {
	switch p.ErrorCode {
	case notLeaderOrFollower:
		return answered(p.ErrorCode, "Failed to describe active producers for partition %s on brokerId %d", tp, broker)
	case invalidTopic:
		return answered(p.ErrorCode, "Failed to fetch metadata for partition %s due to invalid topic error: %s", tp, tool.CodeError(p.ErrorCode, p.ErrorMessage))
	case topicAuthorizationFailed:
		return answered(p.ErrorCode, "Failed to describe active producers for partition %s due to authorization failure on topic `%s`", tp, tp.Topic)
	}
	return answered(p.ErrorCode, "Failed to describe active producers for partition %s due to unexpected error", tp)
}

// AbortSpec names a transaction that hangs in one partition.
type AbortSpec struct {
	TopicPartition   TopicPartition
	ProducerID       int64
	ProducerEpoch    int16
	CoordinatorEpoch int32
}

// String is how Kafka's tools write it.
func (a AbortSpec) String() string {
	return fmt.Sprintf("AbortTransactionSpec(topicPartition=%s, producerId=%d, producerEpoch=%d, coordinatorEpoch=%d)",
		a.TopicPartition, a.ProducerID, a.ProducerEpoch, a.CoordinatorEpoch)
}

// AbortTransaction has the leader of a partition write an abort marker, past the transaction's coordinator.
func AbortTransaction(ctx context.Context, c *tool.Client, spec AbortSpec) error {
	const call = "abortTransaction(api=METADATA)"
	_, err := askAgain(ctx, c, call, func(ctx context.Context) (struct{}, int16, error) {
		targets, err := leaders(ctx, c, []TopicPartition{spec.TopicPartition})
		if err != nil {
			return struct{}{}, 0, err
		}
		for broker := range targets {
			code, err := abortOn(ctx, c, broker, spec)
			switch code {
			case notLeaderOrFollower, replicaNotAvailable, brokerNotAvailable, unknownTopicOrPartition:
				return struct{}{}, code, nil
			}
			return struct{}{}, 0, err
		}
		return struct{}{}, unknownTopicOrPartition, nil
	})
	return err
}

func abortOn(ctx context.Context, c *tool.Client, broker int32, spec AbortSpec) (int16, error) {
	topic := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
	topic.Topic, topic.Partitions = spec.TopicPartition.Topic, []int32{spec.TopicPartition.Partition}
	marker := kmsg.NewWriteTxnMarkersRequestMarker()
	marker.ProducerID, marker.ProducerEpoch, marker.CoordinatorEpoch = spec.ProducerID, spec.ProducerEpoch, spec.CoordinatorEpoch
	marker.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{topic}
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	req.Markers = []kmsg.WriteTxnMarkersRequestMarker{marker}
	resp, err := tool.CallBroker[*kmsg.WriteTxnMarkersResponse](ctx, c, "abortTransaction(api=WRITE_TXN_MARKERS)", broker, req)
	if err != nil {
		return 0, err
	}
	if len(resp.Markers) != 1 || len(resp.Markers[0].Topics) != 1 || len(resp.Markers[0].Topics[0].Partitions) != 1 {
		return 0, tool.Errorf("WriteTxnMarkers response included unexpected marker entries (expected to find exactly one entry with producerId %d)", spec.ProducerID)
	}
	code := resp.Markers[0].Topics[0].Partitions[0].ErrorCode
	return code, abortError(spec, code)
}

func abortError(spec AbortSpec, code int16) error {
	reason := fmt.Sprintf("due to unexpected error: %s", tool.CodeError(code, nil))
	switch code {
	case 0:
		return nil
	case clusterAuthorizationFailed:
		reason = "due to cluster authorization error"
	case invalidProducerEpoch:
		reason = "due an invalid producer epoch"
	case coordinatorFenced:
		reason = fmt.Sprintf("since the provided coordinator epoch %d has been fenced by the active coordinator", spec.CoordinatorEpoch)
	}
	return answered(code, "WriteTxnMarkers request with %s failed %s", spec, reason)
}
