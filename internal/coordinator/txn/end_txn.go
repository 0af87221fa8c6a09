package txn

import (
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// firstEndTxnWithEpochBump is the version of EndTxn from which the client goes by transaction.version 2.
const firstEndTxnWithEpochBump = 5

// EndTxnError is the answer without a producer id.
func EndTxnError(req *kmsg.EndTxnRequest, code protocol.Code) *kmsg.EndTxnResponse {
	if code == protocol.ProducerFenced && req.Version < 2 {
		code = protocol.InvalidProducerEpoch // older clients do not know the other
	}
	resp := req.ResponseKind().(*kmsg.EndTxnResponse)
	resp.ErrorCode = int16(code)
	resp.ProducerID, resp.ProducerEpoch = noProducerID, noProducerEpoch
	return resp
}

// EndTxn handles EndTxn v0 to v5. The answer comes when the decision is committed; the markers follow it.
func (m *Machine) EndTxn(now time.Time, req *kmsg.EndTxnRequest, reply func(*kmsg.EndTxnResponse)) machine.Result {
	t := m.transactions[req.TransactionalID]
	if t == nil {
		reply(EndTxnError(req, protocol.InvalidProducerIDMapping))
		return machine.Result{}
	}
	if req.Version >= firstEndTxnWithEpochBump {
		return m.endWithEpochBump(now, t, req, reply)
	}
	code := checkEnd(t, req)
	if m.lost(t.committed.producerID) {
		code = m.checkEndOfLost(t.committed, req, code)
	}
	if code != protocol.None || t.committed.state != Ongoing {
		if code == protocol.InvalidTxnState {
			m.logInvalidEnd(t, req)
		}
		reply(EndTxnError(req, code))
		return machine.Result{}
	}
	next := t.committed.prepared(req.Commit, 0, noProducerID, now.UnixMilli())
	return m.prepare(t, next, func(_ time.Time, code protocol.Code) { reply(EndTxnError(req, code)) })
}

// checkEnd is what EndTxn up to v4 may do. None in another state than Ongoing is a retry of what succeeded.
func checkEnd(t *transaction, req *kmsg.EndTxnRequest) protocol.Code {
	md := t.committed
	switch {
	case req.ProducerID != md.producerID:
		return protocol.InvalidProducerIDMapping
	case req.ProducerEpoch != md.producerEpoch:
		return protocol.ProducerFenced
	case t.busy != idle:
		return protocol.ConcurrentTransactions
	}
	switch md.state {
	case Ongoing:
		return protocol.None
	case CompleteCommit, CompleteAbort:
		if req.Commit == (md.state == CompleteCommit) {
			return protocol.None
		}
		return protocol.InvalidTxnState
	case Empty:
		return protocol.InvalidTxnState
	default:
		return protocol.UnknownServerError // Prepare* are busy, and the others are never written
	}
}

func (m *Machine) logInvalidEnd(t *transaction, req *kmsg.EndTxnRequest) {
	m.log.Warn("a transaction cannot be ended in its state", "transactional_id", t.id, "state", t.committed.state, "commit", req.Commit)
}

// endWithEpochBump is EndTxn from v5 on. The epoch says what the caller knows: with the current one it ends the
// transaction, with the one before it repeats a request whose answer it did not see.
func (m *Machine) endWithEpochBump(now time.Time, t *transaction, req *kmsg.EndTxnRequest, reply func(*kmsg.EndTxnResponse)) machine.Result {
	md := t.committed
	code, end := checkEndWithEpochBump(t, req, m.replaced(md, req.ProducerID, req.ProducerEpoch))
	if m.lost(md.producerID) {
		code, end = m.checkBumpOfLost(md, req, code, end)
	}
	if end && !m.keeps(versionWithEpochBump) {
		code, end = protocol.UnsupportedVersion, false
	}
	if !end {
		resp := EndTxnError(req, code)
		switch code {
		case protocol.None:
			resp.ProducerID, resp.ProducerEpoch = md.producerID, md.producerEpoch
		case protocol.InvalidTxnState:
			m.logInvalidEnd(t, req)
		}
		reply(resp)
		return machine.Result{}
	}
	nextProducerID := int64(noProducerID)
	if m.exhausted(md) {
		var ok bool
		if nextProducerID, ok = m.takeProducerID(); !ok {
			return m.park(t.id, parked{
				run:  func(now time.Time) machine.Result { return m.EndTxn(now, req, reply) },
				fail: func(_ time.Time, code protocol.Code) { reply(EndTxnError(req, code)) },
			})
		}
	}
	next := md.prepared(req.Commit, versionWithEpochBump, nextProducerID, now.UnixMilli())
	if m.lost(md.producerID) {
		if next.lastProducerEpoch = noProducerEpoch; req.ProducerID == md.producerID {
			next.lastProducerEpoch = req.ProducerEpoch // which may be a later one than this coordinator knows
		}
	}
	return m.prepare(t, next, func(_ time.Time, code protocol.Code) {
		resp := EndTxnError(req, code)
		if code == protocol.None {
			completed := next.completed(0)
			resp.ProducerID, resp.ProducerEpoch = completed.producerID, completed.producerEpoch
		}
		reply(resp)
	})
}

// checkEndWithEpochBump is what EndTxn from v5 on may do: end the transaction, or what it is answered.
// replaced tells that the caller's producer id was a lost one, for which it got the present one.
func checkEndWithEpochBump(t *transaction, req *kmsg.EndTxnRequest, replaced bool) (code protocol.Code, end bool) {
	md := t.committed
	retryOfOverflow := replaced || md.previousProducerID == req.ProducerID && req.ProducerEpoch == math.MaxInt16-1 && md.producerEpoch == 0
	// Only what ended by version 2 raised the epoch. (Kafka does not ask; there, a zombie of version 2 is taken for a
	// retry when its successor is of version 1, and is given that one's epoch.)
	retryOfBump := md.clientVersion >= versionWithEpochBump && int32(md.producerEpoch) == int32(req.ProducerEpoch)+1
	switch {
	case t.busy != idle:
		// Before all else: the producer may already use the next producer id, which is to come with this transition.
		return protocol.ConcurrentTransactions, false
	case req.ProducerID != md.producerID && !retryOfOverflow:
		return protocol.InvalidProducerIDMapping, false
	}
	current := req.ProducerID == md.producerID && req.ProducerEpoch == md.producerEpoch
	switch md.state {
	case Ongoing, Empty:
		switch {
		case !current:
			return protocol.ProducerFenced, false
		case md.state == Empty && req.Commit:
			return protocol.InvalidTxnState, false
		}
		return protocol.None, true
	case CompleteCommit, CompleteAbort:
		retry := retryOfBump || retryOfOverflow
		same := req.Commit == (md.state == CompleteCommit)
		switch {
		case !current && !retry:
			return protocol.ProducerFenced, false
		case retry && same:
			return protocol.None, false
		case retry || req.Commit:
			return protocol.InvalidTxnState, false
		}
		return protocol.None, true // an abort by a producer that does not know whether it has begun anything
	default:
		return protocol.UnknownServerError, false // Prepare* are busy, and the others are never written
	}
}
