package api

import (
	"context"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	controller "ottla.dev/ottla/internal/controller/run"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// ProducerIDs hands out producer ids from blocks that the controller allots to this broker.
type ProducerIDs struct {
	NodeID     int32
	Controller *controller.Run
	Logger     *slog.Logger
	Context    context.Context // ends with the node

	asking sync.Mutex // held while a block is asked for
	mu     sync.Mutex // guards the block
	id     int64      // the next to hand out
	left   int32
}

// Next returns an id that nobody has had. It may wait for the controller.
func (p *ProducerIDs) Next() (int64, error) {
	if id, ok := p.take(); ok {
		return id, nil
	}
	p.asking.Lock()
	defer p.asking.Unlock()
	if id, ok := p.take(); ok { // somebody else has asked meanwhile
		return id, nil
	}
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerID, req.BrokerEpoch = p.NodeID, brokerEpoch(p.Controller.Image(), p.NodeID)
	resp := p.Controller.AllocateProducerIDs(p.Context, req)
	if resp.ErrorCode != 0 {
		p.Logger.Error("the controller gives no producer ids", "error", protocol.Code(resp.ErrorCode))
		return 0, protocol.CoordinatorLoadInProgress // retriable, as in Apache Kafka
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id, p.left = resp.ProducerIDStart+1, resp.ProducerIDLen-1
	return resp.ProducerIDStart, nil
}

// NextFor is Next for somebody who must not wait: done is called at once, or later by another goroutine.
func (p *ProducerIDs) NextFor(done func(id int64, err error)) {
	if id, ok := p.take(); ok {
		done(id, nil)
		return
	}
	go func() { done(p.Next()) }()
}

func (p *ProducerIDs) take() (id int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 {
		return 0, false
	}
	id = p.id
	p.id++
	p.left--
	return id, true
}

func brokerEpoch(img *metadata.Image, id int32) int64 {
	if b := img.Brokers[id]; b != nil {
		return b.Epoch
	}
	return -1
}
