package controller

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// CreateTopics decides about a CreateTopics request (versions 2 to 7). Topics are created one by one: an error of one
// leaves the others alone.
func CreateTopics(env Env, img *metadata.Image, caller Caller, req *kmsg.CreateTopicsRequest) (Result[*kmsg.CreateTopicsResponse], error) {
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	result := Result[*kmsg.CreateTopicsResponse]{Response: resp}
	times := map[string]int{}
	var topics []kmsg.CreateTopicsRequestTopic
	for _, t := range req.Topics {
		times[t.Topic]++
	}
	for _, t := range req.Topics {
		if times[t.Topic] == 1 && t.Topic != metadataTopic {
			topics = append(topics, t)
		}
	}
	if countPartitions(env, topics) > maxPartitions {
		return result, protocol.Errorf(protocol.PolicyViolation, "Excessively large number of partitions per request.")
	}
	for _, t := range topics {
		one, records, err := createTopic(env, img, caller, t)
		if err != nil {
			one = failedTopic(t.Topic, err)
		}
		resp.Topics = append(resp.Topics, one)
		result.Records = append(result.Records, records...)
	}
	for _, name := range slices.Sorted(maps.Keys(times)) {
		switch {
		case times[name] > 1:
			resp.Topics = append(resp.Topics, failedTopic(name, protocol.Errorf(protocol.InvalidRequest, "Duplicate topic name.")))
		case name == metadataTopic:
			resp.Topics = append(resp.Topics, failedTopic(name, protocol.Errorf(protocol.InvalidRequest, "Creation of internal topic __cluster_metadata is prohibited.")))
		}
	}
	if len(result.Records) > maxRecords {
		return result, errTooManyRecords
	}
	if req.ValidateOnly {
		result.Records = nil
	}
	return result, nil
}

func countPartitions(env Env, topics []kmsg.CreateTopicsRequestTopic) int {
	n := 0
	for _, t := range topics {
		switch {
		case len(t.ReplicaAssignment) > 0:
			n += len(t.ReplicaAssignment)
		case t.NumPartitions == -1:
			n += env.Config.Int("num.partitions")
		case t.NumPartitions > 0:
			n += int(t.NumPartitions)
		}
	}
	return n
}

func failedTopic(name string, err error) kmsg.CreateTopicsResponseTopic {
	t := kmsg.NewCreateTopicsResponseTopic()
	t.Topic = name
	t.ErrorCode = int16(protocol.CodeOf(err))
	t.ErrorMessage = protocol.MessageOf(err)
	t.Configs = []kmsg.CreateTopicsResponseTopicConfig{} // an empty list, not null
	return t
}

func createTopic(env Env, img *metadata.Image, caller Caller, t kmsg.CreateTopicsRequestTopic) (kmsg.CreateTopicsResponseTopic, []metadata.Record, error) {
	resp := kmsg.NewCreateTopicsResponseTopic()
	if err := checkNewName(img, t.Topic); err != nil {
		return resp, nil, err
	}
	configs, err := env.Config.CreateTopicConfigs(t.Configs)
	if err != nil {
		return resp, nil, err
	}
	partitions, err := newPartitions(env, img, t)
	if err != nil {
		return resp, nil, err
	}
	id, err := metadata.NewUUID(env.Random)
	if err != nil {
		return resp, nil, err
	}
	resp.Topic, resp.TopicID = t.Topic, id
	if caller.mayDescribeConfigs(t.Topic) {
		if resp.Configs, err = effectiveConfigs(env, t.Topic, configs); err != nil {
			return resp, nil, err
		}
		resp.NumPartitions = int32(len(partitions))
		resp.ReplicationFactor = int16(len(partitions[0].Replicas))
	} else {
		resp.ConfigErrorCode = int16(protocol.TopicAuthorizationFailed)
	}
	records := []metadata.Record{metadata.TopicRecord{Name: t.Topic, TopicID: id}}
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		value := configs[name]
		records = append(records, metadata.ConfigRecord{Resource: metadata.TopicResource(t.Topic), Name: name, Value: &value})
	}
	return resp, append(records, partitionRecords(id, 0, partitions)...), nil
}

func checkNewName(img *metadata.Image, name string) error {
	if img.Topic(name) != nil {
		return protocol.Errorf(protocol.TopicAlreadyExists, "Topic '%s' already exists.", name)
	}
	if err := CheckTopicName(name); err != nil {
		return err
	}
	if other := img.CollidingTopic(name); other != "" {
		return protocol.Errorf(protocol.InvalidTopicException, "Topic '%s' collides with existing topic: %s", name, other)
	}
	return nil
}

func newPartitions(env Env, img *metadata.Image, t kmsg.CreateTopicsRequestTopic) ([]metadata.Partition, error) {
	switch {
	case len(t.ReplicaAssignment) > 0:
		return assignedPartitions(img, t)
	case t.ReplicationFactor < -1 || t.ReplicationFactor == 0:
		return nil, protocol.Errorf(protocol.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	case t.NumPartitions < -1 || t.NumPartitions == 0:
		return nil, protocol.Errorf(protocol.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	count, replicas := int(t.NumPartitions), int(t.ReplicationFactor)
	if count == -1 {
		count = env.Config.Int("num.partitions")
	}
	if replicas == -1 {
		replicas = env.Config.Int("default.replication.factor")
	}
	partitions, err := placeAll(env, img, count, replicas)
	if err != nil && protocol.CodeOf(err) == protocol.InvalidReplicationFactor {
		err = cannotReplicate(replicas, err)
	}
	return partitions, err
}

func assignedPartitions(img *metadata.Image, t kmsg.CreateTopicsRequestTopic) ([]metadata.Partition, error) {
	if t.ReplicationFactor != -1 {
		return nil, protocol.Errorf(protocol.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	}
	if t.NumPartitions != -1 {
		return nil, protocol.Errorf(protocol.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	given := map[int32]metadata.Partition{}
	replicas := 0
	for _, a := range t.ReplicaAssignment {
		if _, twice := given[a.Partition]; twice {
			return nil, protocol.Errorf(protocol.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition %d", a.Partition)
		}
		if err := checkManual(img, a.Replicas, replicas); err != nil {
			return nil, err
		}
		replicas = len(a.Replicas)
		p, ok := newPartition(img, a.Replicas)
		if !ok {
			return nil, errAllFenced(int(a.Partition))
		}
		given[a.Partition] = p
	}
	partitions := make([]metadata.Partition, len(given))
	for i := range partitions {
		p, ok := given[int32(i)]
		if !ok {
			return nil, protocol.Errorf(protocol.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
		partitions[i] = p
	}
	return partitions, nil
}
