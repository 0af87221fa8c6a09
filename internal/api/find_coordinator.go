package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// FindCoordinator, versions 0 to 6. v1 key type · v3 flexible · v4 many keys (KIP-699) · v6 share groups' state (KIP-932).

const (
	coordinatorOfGroup int8 = iota
	coordinatorOfTransaction
	coordinatorOfShare
)

type foundCoordinator struct {
	code    protocol.Code
	message string
	id      int32
	host    string
	port    int32
}

func (c *call) findCoordinator(req *kmsg.FindCoordinatorRequest) *kmsg.FindCoordinatorResponse {
	resp := kmsg.NewPtrFindCoordinatorResponse()
	keyType := req.CoordinatorType
	if c.version == 0 {
		keyType = coordinatorOfGroup
	}
	if c.version < 4 {
		found := c.coordinator(keyType, req.CoordinatorKey)
		resp.ErrorCode, resp.NodeID, resp.Host, resp.Port = int16(found.code), found.id, found.host, found.port
		resp.ErrorMessage = &found.message
		return resp
	}
	for _, key := range req.CoordinatorKeys {
		found := c.coordinator(keyType, key)
		out := kmsg.NewFindCoordinatorResponseCoordinator()
		out.Key, out.ErrorCode, out.NodeID, out.Host, out.Port = key, int16(found.code), found.id, found.host, found.port
		if found.code == protocol.None {
			found.message = ""
		}
		out.ErrorMessage = &found.message
		resp.Coordinators = append(resp.Coordinators, out)
	}
	return resp
}

func (c *call) coordinator(keyType int8, key string) foundCoordinator {
	none := func(code protocol.Code, message string) foundCoordinator {
		return foundCoordinator{code: code, message: message, id: -1, port: -1}
	}
	var topicName string
	var partition int32
	switch keyType {
	case coordinatorOfGroup:
		topicName, partition = offsetsTopic, c.server.Groups.PartitionFor(key)
	case coordinatorOfTransaction:
		topicName, partition = transactionStateTopic, c.server.Transactions.PartitionFor(key)
	case coordinatorOfShare:
		return none(protocol.InvalidRequest, "share groups are not supported by this version of Ottla")
	default:
		return none(protocol.InvalidRequest, "there is no such type of coordinator")
	}
	topic := c.coordinatorTopic(topicName)
	if topic == nil {
		return none(protocol.CoordinatorNotAvailable, "")
	}
	img := c.image()
	p := topic.Partition(partition)
	if p == nil || img.Brokers[p.Leader] == nil {
		return none(protocol.CoordinatorNotAvailable, "")
	}
	host, port, ok := c.server.endpoint(c.request.Conn, img.Brokers[p.Leader])
	if !ok {
		return none(protocol.CoordinatorNotAvailable, "")
	}
	return foundCoordinator{message: protocol.None.Name(), id: p.Leader, host: host, port: port}
}

// coordinatorTopic returns a coordinator's topic, which is created when somebody first looks for a coordinator. It is nil where that fails.
func (c *call) coordinatorTopic(name string) *metadata.Topic {
	if topic := c.image().Topic(name); topic != nil {
		return topic
	}
	create := kmsg.NewPtrCreateTopicsRequest()
	create.SetVersion(create.MaxVersion())
	create.TimeoutMillis = int32(c.config().Int("request.timeout.ms"))
	create.Topics = append(create.Topics, c.newTopic(name))
	for _, t := range c.server.Controller.CreateTopics(c.context(), controller.Caller{}, create).Topics {
		if t.ErrorCode != 0 && t.ErrorCode != int16(protocol.TopicAlreadyExists) {
			message := ""
			if t.ErrorMessage != nil {
				message = *t.ErrorMessage
			}
			c.server.Logger.Warn("cannot create a coordinator's topic", "topic", name, "error", protocol.Code(t.ErrorCode), "message", message)
		}
	}
	return c.image().Topic(name)
}
