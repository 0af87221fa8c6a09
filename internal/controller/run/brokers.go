package run

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// AllocateProducerIDs answers AllocateProducerIds: a block of 1000 ids.
func (r *Run) AllocateProducerIDs(ctx context.Context, req *kmsg.AllocateProducerIDsRequest) *kmsg.AllocateProducerIDsResponse {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	resp, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.AllocateProducerIDsResponse], error) {
		return controller.AllocateProducerIDs(env, img, req)
	})
	if err != nil {
		resp = req.ResponseKind().(*kmsg.AllocateProducerIDsResponse)
		resp.ErrorCode = int16(protocol.CodeOf(err))
	}
	return resp
}

// RegisterBroker answers BrokerRegistration. The broker is fenced until its first heartbeat says that it is ready. That
// of this node is also announced: as long as the node's lease lives, nobody else can register under its id.
func (r *Run) RegisterBroker(ctx context.Context, req *kmsg.BrokerRegistrationRequest) *kmsg.BrokerRegistrationResponse {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	var resp *kmsg.BrokerRegistrationResponse
	var err error
	if req.BrokerID == r.o.NodeID {
		err = r.announce(ctx, req.IncarnationID)
	}
	if err == nil {
		resp, err = ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.BrokerRegistrationResponse], error) {
			return controller.RegisterBroker(env, img, req)
		})
	}
	if err != nil {
		r.o.Log.Warn("broker is not registered", "broker", req.BrokerID, "error", err)
		resp = req.ResponseKind().(*kmsg.BrokerRegistrationResponse)
		resp.ErrorCode = int16(protocol.CodeOf(err))
	}
	return resp
}

// BrokerHeartbeat answers BrokerHeartbeat: it fences and unfences a broker, and lets it shut down.
func (r *Run) BrokerHeartbeat(ctx context.Context, req *kmsg.BrokerHeartbeatRequest) *kmsg.BrokerHeartbeatResponse {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	resp, err := ask(ctx, r, func(env controller.Env, img *metadata.Image) (controller.Result[*kmsg.BrokerHeartbeatResponse], error) {
		return controller.BrokerHeartbeat(env, img, req)
	})
	if err != nil {
		resp = req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
		resp.ErrorCode = int16(protocol.CodeOf(err))
	}
	return resp
}
