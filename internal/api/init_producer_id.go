package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// InitProducerId, versions 0 to 5 (KIP-98). v2 flexible · v3 the id and epoch that the producer had (KIP-360) · v4 PRODUCER_FENCED
// (KIP-588) · v5 TRANSACTION_ABORTABLE (KIP-890). Producers without a transactional id are answered here, the others by their coordinator.

func (c *call) initProducerID(req *kmsg.InitProducerIDRequest) {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	if c.version >= 3 && (req.ProducerID == -1) != (req.ProducerEpoch == -1) {
		resp.ErrorCode = int16(protocol.InvalidRequest)
		c.reply(resp)
		return
	}
	if req.TransactionalID != nil {
		c.server.Transactions.InitProducerID(req, func(r *kmsg.InitProducerIDResponse) { c.reply(r) })
		return
	}
	id, err := c.server.ProducerIDs.Next()
	if err != nil {
		resp.ErrorCode = int16(protocol.CodeOf(err))
		c.reply(resp)
		return
	}
	// An idempotent producer that had an id simply gets a new one.
	resp.ProducerID, resp.ProducerEpoch = id, 0
	c.reply(resp)
}
