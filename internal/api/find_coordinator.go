package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/protocol"
)

// FindCoordinator, versions 0 to 6. v1 key type · v3 flexible · v4 many keys (KIP-699) · v6 share groups' state (KIP-932).

const (
	coordinatorOfGroup int8 = iota
	coordinatorOfTransaction
	coordinatorOfShare
)

type coordinator struct {
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

func (c *call) coordinator(keyType int8, key string) coordinator {
	none := func(code protocol.Code, message string) coordinator {
		return coordinator{code: code, message: message, id: -1, port: -1}
	}
	switch keyType {
	case coordinatorOfGroup:
	case coordinatorOfTransaction:
		return none(protocol.UnsupportedVersion, "transactions are not supported by this version of Ottla")
	case coordinatorOfShare:
		return none(protocol.InvalidRequest, "share groups are not supported by this version of Ottla")
	default:
		return none(protocol.InvalidRequest, "there is no such type of coordinator")
	}
	img := c.image()
	topic := img.Topic(offsetsTopic)
	if topic == nil {
		create := kmsg.NewPtrCreateTopicsRequest()
		create.SetVersion(create.MaxVersion())
		create.TimeoutMillis = int32(c.config().Int("request.timeout.ms"))
		create.Topics = append(create.Topics, c.newTopic(offsetsTopic))
		for _, t := range c.server.Controller.CreateTopics(c.context(), controller.Caller{}, create).Topics {
			if t.ErrorCode != 0 && t.ErrorCode != int16(protocol.TopicAlreadyExists) {
				message := ""
				if t.ErrorMessage != nil {
					message = *t.ErrorMessage
				}
				c.server.Logger.Warn("cannot create the topic of the committed offsets", "topic", offsetsTopic, "error", protocol.Code(t.ErrorCode), "message", message)
			}
		}
		if img = c.image(); img.Topic(offsetsTopic) == nil {
			return none(protocol.CoordinatorNotAvailable, "")
		}
		topic = img.Topic(offsetsTopic)
	}
	p := topic.Partition(c.server.Groups.PartitionFor(key))
	if p == nil || img.Brokers[p.Leader] == nil {
		return none(protocol.CoordinatorNotAvailable, "")
	}
	host, port, ok := c.server.endpoint(c.request.Conn, img.Brokers[p.Leader])
	if !ok {
		return none(protocol.CoordinatorNotAvailable, "")
	}
	return coordinator{message: protocol.None.Name(), id: p.Leader, host: host, port: port}
}
