package controller

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// producerIDBlock is how many producer ids a broker gets at a time.
const producerIDBlock = 1000

// AllocateProducerIDs decides about an AllocateProducerIds request. No id is ever given twice.
func AllocateProducerIDs(_ Env, img *metadata.Image, req *kmsg.AllocateProducerIDsRequest) (Result[*kmsg.AllocateProducerIDsResponse], error) {
	resp := req.ResponseKind().(*kmsg.AllocateProducerIDsResponse)
	result := Result[*kmsg.AllocateProducerIDsResponse]{Response: resp}
	if err := checkBrokerEpoch(img, req.BrokerID, req.BrokerEpoch); err != nil {
		return result, err
	}
	if img.NextProducerID > math.MaxInt64-producerIDBlock {
		return result, protocol.Errorf(protocol.UnknownServerError, "All producer ids have been given out.")
	}
	resp.ProducerIDStart, resp.ProducerIDLen = img.NextProducerID, producerIDBlock
	result.Records = []metadata.Record{metadata.ProducerIDsRecord{
		BrokerID: req.BrokerID, BrokerEpoch: req.BrokerEpoch, NextProducerID: img.NextProducerID + producerIDBlock,
	}}
	return result, nil
}
