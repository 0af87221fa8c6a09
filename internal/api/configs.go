package api

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// DescribeConfigs (versions 1 to 4), AlterConfigs (0 to 2), IncrementalAlterConfigs (0 to 1) and ListConfigResources (0 to 1).

func (c *call) describeConfigs(req *kmsg.DescribeConfigsRequest) *kmsg.DescribeConfigsResponse {
	resp := kmsg.NewPtrDescribeConfigsResponse()
	for _, r := range req.Resources {
		out := kmsg.NewDescribeConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		configs, err := c.describeResource(req, r)
		message := ""
		if err != nil {
			out.ErrorCode = int16(protocol.CodeOf(err))
			switch m := protocol.MessageOf(err); {
			case m != nil:
				message = *m
			case protocol.CodeOf(err) == protocol.InvalidRequest:
				message = "there is no such type of resource to describe"
			}
		}
		out.ErrorMessage = &message
		out.Configs = configs
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

func (c *call) describeResource(req *kmsg.DescribeConfigsRequest, r kmsg.DescribeConfigsRequestResource) ([]kmsg.DescribeConfigsResponseResourceConfig, error) {
	img := c.image()
	q := config.DescribeQuery{Resource: r.ResourceType, Name: r.ResourceName, Keys: r.ConfigNames, Synonyms: req.IncludeSynonyms, Docs: req.IncludeDocumentation && c.version >= 3}
	switch metadata.ResourceType(r.ResourceType) {
	case metadata.ResourceTopic:
		if err := controller.CheckTopicName(r.ResourceName); err != nil {
			return nil, err
		}
		if img.Topic(r.ResourceName) == nil {
			return nil, protocol.UnknownTopicOrPartition
		}
	case metadata.ResourceBroker:
		if r.ResourceName != "" && r.ResourceName != nodeName(c.server.NodeID) {
			if _, err := strconv.ParseInt(r.ResourceName, 10, 32); err != nil {
				return nil, protocol.Errorf(protocol.InvalidRequest, "Broker id must be an integer, but it is: %s", r.ResourceName)
			}
			return nil, protocol.Errorf(protocol.InvalidRequest, "Unexpected broker id, expected %d or empty string, but received %s", c.server.NodeID, r.ResourceName)
		}
	case metadata.ResourceBrokerLogger:
		switch id, err := strconv.ParseInt(r.ResourceName, 10, 32); {
		case r.ResourceName == "":
			return nil, protocol.Errorf(protocol.InvalidRequest, "Broker id must not be empty")
		case err != nil:
			return nil, protocol.Errorf(protocol.InvalidRequest, "Broker id must be an integer, but it is: %s", r.ResourceName)
		case int32(id) != c.server.NodeID:
			return nil, protocol.Errorf(protocol.InvalidRequest, "Unexpected broker id, expected %d but received %s", c.server.NodeID, r.ResourceName)
		}
	}
	q.Loggers = c.server.logLevels()
	q.Overrides = img.Configs(metadata.Resource{Type: metadata.ResourceType(r.ResourceType), Name: r.ResourceName})
	return c.config().Describe(q)
}

func (c *call) alterConfigs(req *kmsg.AlterConfigsRequest) *kmsg.AlterConfigsResponse {
	return c.server.Controller.AlterConfigs(c.context(), controller.Caller{}, req)
}

// incrementalAlterConfigs gives the loggers' levels to this broker and everything else to the controller. Answers stand in the order of the
// request.
func (c *call) incrementalAlterConfigs(req *kmsg.IncrementalAlterConfigsRequest) *kmsg.IncrementalAlterConfigsResponse {
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	forward := *req
	forward.Resources = nil
	for _, r := range req.Resources {
		if metadata.ResourceType(r.ResourceType) != metadata.ResourceBrokerLogger {
			forward.Resources = append(forward.Resources, r)
		}
	}
	var decided []kmsg.IncrementalAlterConfigsResponseResource
	if len(forward.Resources) > 0 {
		decided = c.server.Controller.IncrementalAlterConfigs(c.context(), controller.Caller{}, &forward).Resources
	}
	for _, r := range req.Resources {
		if metadata.ResourceType(r.ResourceType) != metadata.ResourceBrokerLogger {
			resp.Resources, decided = append(resp.Resources, decided[0]), decided[1:]
			continue
		}
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
		err := c.alterLogger(r, req.ValidateOnly)
		out.ErrorCode, out.ErrorMessage = int16(protocol.CodeOf(err)), protocol.MessageOf(err)
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

// listedResourceTypes are the kinds that ListConfigResources knows, in the order of the answer. Version 0 knows client metrics alone.
var listedResourceTypes = []metadata.ResourceType{metadata.ResourceGroup, metadata.ResourceClientMetrics, metadata.ResourceBrokerLogger, metadata.ResourceBroker, metadata.ResourceTopic}

func (c *call) listConfigResources(req *kmsg.ListConfigResourcesRequest) *kmsg.ListConfigResourcesResponse {
	resp := kmsg.NewPtrListConfigResourcesResponse()
	supported := listedResourceTypes
	if c.version == 0 {
		supported = []metadata.ResourceType{metadata.ResourceClientMetrics}
	}
	wanted := map[metadata.ResourceType]bool{}
	for _, t := range req.ResourceTypes {
		if !slices.Contains(supported, metadata.ResourceType(t)) {
			resp.ErrorCode = int16(protocol.UnsupportedVersion)
			return resp
		}
		wanted[metadata.ResourceType(t)] = true
	}
	img := c.image()
	add := func(t metadata.ResourceType, name string) {
		r := kmsg.NewListConfigResourcesResponseConfigResource()
		r.Type, r.Name = int8(t), name
		resp.ConfigResources = append(resp.ConfigResources, r)
	}
	for _, t := range supported {
		if len(wanted) > 0 && !wanted[t] {
			continue
		}
		switch t {
		case metadata.ResourceTopic:
			for topic := range img.Topics() {
				add(t, topic.Name)
			}
		case metadata.ResourceBroker, metadata.ResourceBrokerLogger:
			for _, id := range img.BrokerIDs() {
				add(t, nodeName(id))
			}
		default:
			for _, r := range img.ConfigResources(t) {
				add(t, r.Name)
			}
		}
	}
	return resp
}
