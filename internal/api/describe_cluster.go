package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// DescribeCluster, versions 0 to 2 (KIP-700). v1 endpoint type (KIP-919) · v2 fenced brokers (KIP-1073).

func (c *call) describeCluster(req *kmsg.DescribeClusterRequest) *kmsg.DescribeClusterResponse {
	const brokers, controllers = 1, 2
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.EndpointType = brokers
	resp.ControllerID = -1
	resp.ClusterAuthorizedOperations = operationsNotAsked
	fail := func(code protocol.Code, message string) *kmsg.DescribeClusterResponse {
		resp.ErrorCode, resp.ErrorMessage = int16(code), &message
		return resp
	}
	if c.version >= 1 && req.EndpointType != brokers {
		if req.EndpointType == controllers {
			return fail(protocol.MismatchedEndpointType, "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER")
		}
		return fail(protocol.UnsupportedEndpointType, "Unsupported endpoint type "+nodeName(int32(req.EndpointType)))
	}
	img := c.image()
	resp.ClusterID = img.ClusterID
	resp.ControllerID = img.ControllerID
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = clusterOperations
	}
	for _, e := range c.server.nodeEndpoints(c.request.Conn) {
		fenced := img.Brokers[e.ID].Fenced
		if fenced && !(c.version >= 2 && req.IncludeFencedBrokers) {
			continue
		}
		b := kmsg.NewDescribeClusterResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack, b.IsFenced = e.ID, e.Host, e.Port, img.Brokers[e.ID].Rack, fenced
		resp.Brokers = append(resp.Brokers, b)
	}
	return resp
}
