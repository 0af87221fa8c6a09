package api

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Bit masks of the operations (AclOperation's numbers) that a resource supports. Without an authorizer everybody may do all of them,
// and a request that asks which operations are authorized (KIP-430) is told so.
const (
	clusterOperations int32 = 1<<5 | 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12
	topicOperations   int32 = 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<11
	groupOperations   int32 = 1<<3 | 1<<6 | 1<<8 | 1<<10 | 1<<11
	// operationsNotAsked stands where the request did not ask.
	operationsNotAsked int32 = math.MinInt32
)

func authorizedGroups(req *kmsg.DescribeGroupsRequest, resp *kmsg.DescribeGroupsResponse) *kmsg.DescribeGroupsResponse {
	for i := range resp.Groups {
		g := &resp.Groups[i]
		g.AuthorizedOperations = operationsNotAsked
		if req.IncludeAuthorizedOperations && req.Version >= 3 && g.ErrorCode == 0 {
			g.AuthorizedOperations = groupOperations
		}
	}
	return resp
}
