package txn

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// CheckInitProducerID returns why the request cannot be served by any coordinator.
func CheckInitProducerID(config Config, req *kmsg.InitProducerIDRequest) protocol.Code {
	switch {
	case (req.ProducerID == noProducerID) != (req.ProducerEpoch == noProducerEpoch):
		return protocol.InvalidRequest
	case req.TransactionalID == nil || *req.TransactionalID == "":
		return protocol.InvalidRequest
	case req.TransactionTimeoutMillis <= 0 || req.TransactionTimeoutMillis > config.MaxTimeoutMs:
		return protocol.InvalidTransactionTimeout
	default:
		return protocol.None
	}
}

// InitProducerIDError is the answer without a producer id.
func InitProducerIDError(req *kmsg.InitProducerIDRequest, code protocol.Code) *kmsg.InitProducerIDResponse {
	if code == protocol.ProducerFenced && req.Version < 4 {
		code = protocol.InvalidProducerEpoch // older clients do not know the other
	}
	resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
	resp.ErrorCode = int16(code)
	resp.ProducerID, resp.ProducerEpoch = noProducerID, noProducerEpoch
	return resp
}

// InitProducerID handles InitProducerId of a transactional id, after CheckInitProducerID. Whoever had the id is fenced; a
// transaction that it left open is aborted first, while the caller is asked to come again.
func (m *Machine) InitProducerID(now time.Time, req *kmsg.InitProducerIDRequest, reply func(*kmsg.InitProducerIDResponse)) machine.Result {
	fail := func(_ time.Time, code protocol.Code) { reply(InitProducerIDError(req, code)) }
	again := parked{run: func(now time.Time) machine.Result { return m.InitProducerID(now, req, reply) }, fail: fail}

	t := m.transactions[*req.TransactionalID]
	if t == nil {
		id, ok := m.takeProducerID()
		if !ok {
			return m.park(*req.TransactionalID, again)
		}
		t = &transaction{id: *req.TransactionalID}
		t.latest = newMetadata(id, req.TransactionTimeoutMillis, now.UnixMilli())
		t.committed = t.latest
		m.transactions[t.id] = t
	}
	md := t.committed
	switch {
	case t.busy != idle:
		fail(now, protocol.ConcurrentTransactions)
	case !expects(req, md) && !m.presentOrLater(md, req.ProducerID, req.ProducerEpoch) && !m.replaced(md, req.ProducerID, req.ProducerEpoch):
		fail(now, protocol.ProducerFenced)
	case md.state == Ongoing:
		return m.fence(now, t, again, func(now time.Time, code protocol.Code) {
			if code == protocol.None {
				code = protocol.ConcurrentTransactions // this epoch is given to nobody: the caller comes again and gets the next
			}
			fail(now, code)
		})
	case md.state.isExpirable():
		return m.initialize(now, t, req, again, reply)
	default:
		m.log.Error("a transactional id is in a state in which none can be", "transactional_id", t.id, "state", md.state)
		fail(now, protocol.UnknownServerError)
	}
	return machine.Result{}
}

// expects reports whether the producer that the caller claims to be is the one that the id belongs to, or may be
// retrying what made it another.
func expects(req *kmsg.InitProducerIDRequest, md *metadata) bool {
	return req.ProducerID == noProducerID || md.producerEpoch == noProducerEpoch || req.ProducerID == md.producerID ||
		req.ProducerID == md.previousProducerID && epochExhausted(req.ProducerEpoch)
}

// initialize gives the caller the next epoch, or the next producer id where the epochs are exhausted or the present one is lost.
func (m *Machine) initialize(now time.Time, t *transaction, req *kmsg.InitProducerIDRequest, again parked, reply func(*kmsg.InitProducerIDResponse)) machine.Result {
	md := t.committed
	claims := req.ProducerID != noProducerID
	producerID, epoch, lastEpoch := md.producerID, md.producerEpoch+1, int16(noProducerEpoch)
	switch {
	case epochExhausted(md.producerEpoch) && (!claims || req.ProducerEpoch == md.producerEpoch),
		m.mayReplace(md, req.ProducerID, req.ProducerEpoch):
		id, ok := m.takeProducerID()
		if !ok {
			return m.park(t.id, again)
		}
		producerID, epoch = id, 0
		if claims && (req.ProducerID == md.producerID || !m.lost(md.producerID)) {
			lastEpoch = req.ProducerEpoch
		}
	case m.replaced(md, req.ProducerID, req.ProducerEpoch):
		epoch, lastEpoch = md.producerEpoch, md.lastProducerEpoch
	case epochExhausted(md.producerEpoch):
		again.fail(now, protocol.UnknownServerError) // what Kafka says to a claim of another epoch than the exhausted one
		return machine.Result{}
	case !claims:
	case md.producerEpoch == noProducerEpoch || req.ProducerEpoch == md.producerEpoch:
		lastEpoch = md.producerEpoch
	case req.ProducerEpoch == md.lastProducerEpoch:
		epoch, lastEpoch = md.producerEpoch, md.lastProducerEpoch // a retry of what succeeded
	default:
		again.fail(now, protocol.ProducerFenced)
		return machine.Result{}
	}
	next := md.initialized(producerID, epoch, lastEpoch, req.TransactionTimeoutMillis, now.UnixMilli())
	return m.transition(t, next, func(now time.Time, code protocol.Code) {
		if code != protocol.None {
			again.fail(now, code)
			return
		}
		resp := InitProducerIDError(req, protocol.None)
		resp.ProducerID, resp.ProducerEpoch = next.producerID, next.producerEpoch
		reply(resp)
	})
}
