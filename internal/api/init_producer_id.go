package api

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// InitProducerId, versions 0 to 5, for idempotent producers (KIP-98). v2 flexible · v3 the id and epoch that the producer had (KIP-360) · v4
// PRODUCER_FENCED (KIP-588) · v5 TRANSACTION_ABORTABLE (KIP-890). A transactional id is refused until there is a transaction coordinator.

func (c *call) initProducerID(req *kmsg.InitProducerIDRequest) *kmsg.InitProducerIDResponse {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	if req.TransactionalID != nil {
		resp.ErrorCode = int16(protocol.UnsupportedVersion)
		if *req.TransactionalID == "" {
			resp.ErrorCode = int16(protocol.InvalidRequest)
		}
		return resp
	}
	if c.version >= 3 && (req.ProducerID == -1) != (req.ProducerEpoch == -1) {
		resp.ErrorCode = int16(protocol.InvalidRequest)
		return resp
	}
	id, err := c.server.producerIDs.next(c.context())
	if err != nil {
		resp.ErrorCode = int16(protocol.CodeOf(err))
		return resp
	}
	// An idempotent producer that had an id simply gets a new one.
	resp.ProducerID, resp.ProducerEpoch = id, 0
	return resp
}

// producerIDs hands out producer ids from blocks that the controller allots to this broker.
type producerIDs struct {
	server *Server

	mu   sync.Mutex // guards the block; held while a new one is asked for
	id   int64      // the next to hand out
	left int32
}

func (p *producerIDs) next(ctx context.Context) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 {
		req := kmsg.NewPtrAllocateProducerIDsRequest()
		req.BrokerID = p.server.NodeID
		req.BrokerEpoch = brokerEpoch(p.server.Controller.Image(), p.server.NodeID)
		resp := p.server.Controller.AllocateProducerIDs(ctx, req)
		if resp.ErrorCode != 0 {
			p.server.Logger.Error("the controller gives no producer ids", "error", protocol.Code(resp.ErrorCode))
			return 0, protocol.CoordinatorLoadInProgress // retriable, as in Apache Kafka
		}
		p.id, p.left = resp.ProducerIDStart, resp.ProducerIDLen
	}
	id := p.id
	p.id++
	p.left--
	return id, nil
}

func brokerEpoch(img *metadata.Image, id int32) int64 {
	if b := img.Brokers[id]; b != nil {
		return b.Epoch
	}
	return -1
}
