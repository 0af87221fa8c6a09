package group

// Heartbeat v0 to v4. v3 adds static members (KIP-345).

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// Heartbeat prolongs the session of a member, and tells it when a rebalance waits for it.
func (m *Machine) Heartbeat(now time.Time, req *kmsg.HeartbeatRequest, reply func(*kmsg.HeartbeatResponse)) machine.Result {
	code := m.heartbeat(now, req)
	return machine.Result{Done: func(_ time.Time, err error) {
		if err != nil {
			code = machine.ResponseCode(err)
		}
		reply(HeartbeatError(req, code))
	}}
}

func (m *Machine) heartbeat(now time.Time, req *kmsg.HeartbeatRequest) protocol.Code {
	g := m.groups[req.Group]
	if g == nil {
		return protocol.UnknownMemberID
	}
	if code := g.validateMember(req.MemberID, req.InstanceID); code != protocol.None {
		return code
	}
	if req.Generation != g.generation {
		return protocol.IllegalGeneration
	}
	m.scheduleHeartbeat(g, g.byID[req.MemberID], now)
	if g.state == PreparingRebalance {
		return protocol.RebalanceInProgress
	}
	return protocol.None
}
