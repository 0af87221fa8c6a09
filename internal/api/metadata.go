package api

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// Metadata, versions 0 to 13.
//
// v0 no topics means all · v1 null means all; controller, racks, internal topics · v2 cluster id · v4 auto-creation can be declined · v5
// offline replicas · v7 leader epochs (KIP-320) · v8 authorized operations (KIP-430) · v9 flexible · v10, v12 topic ids · v13 a
// top-level error that tells the client to start over (KIP-1102).

func (c *call) metadata(req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	resp.AuthorizedOperations = operationsNotAsked
	if c.version >= 8 && c.version <= 10 && req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = clusterOperations
	}
	if c.version < 12 && !c.wantsAllTopics(req) {
		for _, t := range req.Topics {
			if t.Topic == nil || t.TopicID != [16]byte{} {
				return invalidMetadataRequest(resp, req, protocol.InvalidRequest)
			}
		}
	}
	for _, t := range req.Topics {
		if t.Topic == nil && t.TopicID == [16]byte{} {
			resp.ErrorCode = int16(protocol.UnknownServerError)
			return invalidMetadataRequest(resp, req, protocol.UnknownServerError)
		}
	}
	img := c.image()
	if !c.wantsAllTopics(req) && (req.AllowAutoTopicCreation || c.version < 4) {
		img = c.autoCreate(req, img)
	}
	clusterID := img.ClusterID
	resp.ClusterID = &clusterID
	resp.ControllerID = c.server.NodeID
	if img.ControllerID != metadata.NoLeader {
		resp.ControllerID = img.ControllerID
	}
	for _, e := range c.server.nodeEndpoints(c.request.Conn) {
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = e.ID, e.Host, e.Port
		b.Rack = img.Brokers[e.ID].Rack
		resp.Brokers = append(resp.Brokers, b)
	}
	resp.Topics = c.metadataTopics(req, img)
	if c.version >= 8 && req.IncludeTopicAuthorizedOperations {
		for i := range resp.Topics {
			if resp.Topics[i].Topic != nil {
				resp.Topics[i].AuthorizedOperations = topicOperations
			}
		}
	}
	return resp
}

func (c *call) wantsAllTopics(req *kmsg.MetadataRequest) bool {
	return req.Topics == nil || c.version == 0 && len(req.Topics) == 0
}

func invalidMetadataRequest(resp *kmsg.MetadataResponse, req *kmsg.MetadataRequest, code protocol.Code) *kmsg.MetadataResponse {
	resp.ControllerID = -1
	for _, t := range req.Topics {
		name := ""
		if t.Topic != nil {
			name = *t.Topic
		}
		out := kmsg.NewMetadataResponseTopic()
		out.Topic, out.TopicID, out.ErrorCode, out.AuthorizedOperations = &name, t.TopicID, int16(code), operationsNotAsked
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

// autoCreate creates the topics that are asked for by name and not there. Unlike Apache Kafka it answers when they are, so that a client needs no
// second request.
func (c *call) autoCreate(req *kmsg.MetadataRequest, img *metadata.Image) *metadata.Image {
	if !c.config().Bool("auto.create.topics.enable") {
		return img
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	create.TimeoutMillis = int32(c.config().Int("request.timeout.ms"))
	for _, t := range req.Topics {
		if t.Topic != nil && img.Topic(*t.Topic) == nil && controller.CheckTopicName(*t.Topic) == nil && img.CollidingTopic(*t.Topic) == "" {
			create.Topics = append(create.Topics, c.newTopic(*t.Topic))
		}
	}
	if len(create.Topics) == 0 {
		return img
	}
	create.SetVersion(create.MaxVersion())
	resp := c.server.Controller.CreateTopics(c.context(), controller.Caller{}, create)
	for _, t := range resp.Topics {
		if t.ErrorCode != 0 && t.ErrorCode != int16(protocol.TopicAlreadyExists) {
			c.server.Logger.Warn("cannot create a topic that a client asked for", "topic", t.Topic, "error", protocol.Code(t.ErrorCode))
		}
	}
	return c.image()
}

// newTopic is a topic as auto-creation makes it: with the broker's defaults, or with the settings of an internal topic.
func (c *call) newTopic(name string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, -1, -1
	cfg := c.config()
	set := func(name, value string) {
		entry := kmsg.NewCreateTopicsRequestTopicConfig()
		entry.Name, entry.Value = name, &value
		t.Configs = append(t.Configs, entry)
	}
	switch name {
	case offsetsTopic:
		t.NumPartitions = int32(cfg.Int("offsets.topic.num.partitions"))
		t.ReplicationFactor = c.replicationFactor("offsets.topic.replication.factor")
		set("cleanup.policy", "compact")
		set("compression.type", "producer")
		set("segment.bytes", strconv.Itoa(cfg.Int("offsets.topic.segment.bytes")))
	case transactionStateTopic:
		t.NumPartitions = int32(cfg.Int("transaction.state.log.num.partitions"))
		t.ReplicationFactor = c.replicationFactor("transaction.state.log.replication.factor")
		set("cleanup.policy", "compact")
		set("compression.type", "uncompressed")
		set("min.insync.replicas", strconv.Itoa(cfg.Int("transaction.state.log.min.isr")))
		set("segment.bytes", strconv.Itoa(cfg.Int("transaction.state.log.segment.bytes")))
		set("unclean.leader.election.enable", "false")
	}
	return t
}

// replicationFactor returns an internal topic's factor: no more than there are brokers, so that one node needs no settings of its own.
func (c *call) replicationFactor(setting string) int16 {
	return int16(min(c.config().Int(setting), max(1, len(c.image().Brokers))))
}

// metadataTopics describes the topics that are asked for, each once.
func (c *call) metadataTopics(req *kmsg.MetadataRequest, img *metadata.Image) []kmsg.MetadataResponseTopic {
	var out []kmsg.MetadataResponseTopic
	if c.wantsAllTopics(req) {
		for t := range img.Topics() {
			out = append(out, c.metadataTopic(t, img))
		}
		return out
	}
	byID := false
	for _, t := range req.Topics {
		byID = byID || t.TopicID != [16]byte{}
	}
	type seenKey struct {
		id   [16]byte
		name string
	}
	seen := map[seenKey]bool{}
	for _, t := range req.Topics {
		key := seenKey{id: t.TopicID}
		if !byID && t.Topic != nil {
			key.name = *t.Topic
		}
		if seen[key] || byID && key.id == [16]byte{} || !byID && t.Topic == nil {
			continue
		}
		seen[key] = true
		out = append(out, c.metadataAsked(img, byID, t))
	}
	return out
}

func (c *call) metadataAsked(img *metadata.Image, byID bool, asked kmsg.MetadataRequestTopic) kmsg.MetadataResponseTopic {
	var topic *metadata.Topic
	if byID {
		topic = img.TopicByID(asked.TopicID)
	} else {
		topic = img.Topic(*asked.Topic)
	}
	if topic != nil {
		return c.metadataTopic(topic, img)
	}
	out := kmsg.NewMetadataResponseTopic()
	out.AuthorizedOperations = operationsNotAsked
	if byID {
		out.TopicID, out.ErrorCode = asked.TopicID, int16(protocol.UnknownTopicID)
		return out
	}
	out.Topic, out.IsInternal = asked.Topic, isInternal(*asked.Topic)
	out.ErrorCode = int16(protocol.UnknownTopicOrPartition)
	if controller.CheckTopicName(*asked.Topic) != nil {
		out.ErrorCode = int16(protocol.InvalidTopicException)
	}
	return out
}

func (c *call) metadataTopic(t *metadata.Topic, img *metadata.Image) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	name := t.Name
	out.Topic, out.TopicID, out.IsInternal, out.AuthorizedOperations = &name, t.ID, isInternal(name), operationsNotAsked
	out.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for i, p := range t.Partitions {
		part := &out.Partitions[i]
		*part = kmsg.NewMetadataResponseTopicPartition()
		part.Partition, part.Leader, part.LeaderEpoch, part.Replicas, part.ISR = int32(i), p.Leader, p.LeaderEpoch, p.Replicas, p.ISR
		for _, id := range p.Replicas {
			if !img.BrokerActive(id) {
				part.OfflineReplicas = append(part.OfflineReplicas, id)
			}
		}
		leader := img.Brokers[p.Leader]
		switch {
		case leader == nil || leader.Fenced:
			part.ErrorCode, part.Leader = int16(protocol.LeaderNotAvailable), -1
		default:
			if _, ok := leader.Endpoint(c.request.Conn.Listener.Name); !ok {
				part.Leader, part.ErrorCode = -1, int16(protocol.ListenerNotFound)
				if c.version < 6 {
					part.ErrorCode = int16(protocol.LeaderNotAvailable)
				}
			}
		}
	}
	return out
}
