package controller

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// CreatePartitions decides about a CreatePartitions request (versions 0 to 3).
func CreatePartitions(env Env, img *metadata.Image, _ Caller, req *kmsg.CreatePartitionsRequest) (Result[*kmsg.CreatePartitionsResponse], error) {
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	result := Result[*kmsg.CreatePartitionsResponse]{Response: resp}
	answer := func(name string, err error) {
		t := kmsg.NewCreatePartitionsResponseTopic()
		t.Topic, t.ErrorCode, t.ErrorMessage = name, int16(protocol.CodeOf(err)), protocol.MessageOf(err)
		resp.Topics = append(resp.Topics, t)
	}
	times := map[string]int{}
	for _, t := range req.Topics {
		times[t.Topic]++
	}
	for _, name := range slices.Sorted(maps.Keys(times)) {
		if times[name] > 1 {
			answer(name, protocol.Errorf(protocol.InvalidRequest, "Duplicate topic name."))
		}
	}
	for _, t := range req.Topics {
		if times[t.Topic] > 1 {
			continue
		}
		records, err := morePartitions(env, img, t)
		if len(result.Records)+len(records) > maxRecords {
			return result, errTooManyRecords
		}
		result.Records = append(result.Records, records...)
		answer(t.Topic, err)
	}
	if req.ValidateOnly {
		result.Records = nil
	}
	return result, nil
}

func morePartitions(env Env, img *metadata.Image, t kmsg.CreatePartitionsRequestTopic) ([]metadata.Record, error) {
	topic := img.Topic(t.Topic)
	if topic == nil {
		return nil, protocol.UnknownTopicOrPartition
	}
	now := len(topic.Partitions)
	switch {
	case int(t.Count) == now:
		return nil, protocol.Errorf(protocol.InvalidPartitions, "Topic already has %d partition(s).", now)
	case int(t.Count) < now:
		return nil, protocol.Errorf(protocol.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", t.Topic, now, t.Count)
	}
	more := int(t.Count) - now
	if t.Assignment != nil && len(t.Assignment) != more {
		return nil, protocol.Errorf(protocol.InvalidReplicaAssignment, "Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", more, len(t.Assignment))
	}
	if more > maxRecords {
		return nil, errTooManyRecords
	}
	replicas := len(topic.Partitions[0].Replicas)
	if t.Assignment == nil {
		partitions, err := placeAll(env, img, more, replicas)
		if err == errNoActive {
			err = cannotReplicate(replicas, err)
		}
		return partitionRecords(topic.ID, now, partitions), err
	}
	partitions := make([]metadata.Partition, more)
	for i, a := range t.Assignment {
		if err := checkManual(img, a.Replicas, replicas); err != nil {
			return nil, err
		}
		p, ok := newPartition(img, a.Replicas)
		if !ok {
			return nil, errAllFenced(now + i)
		}
		partitions[i] = p
	}
	return partitionRecords(topic.ID, now, partitions), nil
}
