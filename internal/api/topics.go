package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
)

// CreateTopics (versions 2 to 7), DeleteTopics (1 to 6) and CreatePartitions (0 to 3) are the controller's. It answers when this node
// serves what it changed.

func (c *call) createTopics(req *kmsg.CreateTopicsRequest) *kmsg.CreateTopicsResponse {
	return c.server.Controller.CreateTopics(c.context(), controller.Caller{}, req)
}

func (c *call) deleteTopics(req *kmsg.DeleteTopicsRequest) *kmsg.DeleteTopicsResponse {
	return c.server.Controller.DeleteTopics(c.context(), controller.Caller{}, req)
}

func (c *call) createPartitions(req *kmsg.CreatePartitionsRequest) *kmsg.CreatePartitionsResponse {
	return c.server.Controller.CreatePartitions(c.context(), controller.Caller{}, req)
}
