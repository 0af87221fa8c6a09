package txn

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// parked is an operation that needs a producer id when there is none. It changed nothing yet, and is run again from its
// beginning when the id is there; by then it may not need it any more.
type parked struct {
	run  func(now time.Time) machine.Result
	fail func(now time.Time, code protocol.Code)
}

// maxSpareProducerIDs bounds the ids that were fetched and not needed.
const maxSpareProducerIDs = 16

// takeProducerID returns an unused producer id, if there is one.
func (m *Machine) takeProducerID() (id int64, ok bool) {
	if len(m.producerIDs) == 0 {
		return noProducerID, false
	}
	id = m.producerIDs[0]
	m.producerIDs = m.producerIDs[1:]
	return id, true
}

func (m *Machine) keepProducerID(id int64) {
	if len(m.producerIDs) < maxSpareProducerIDs {
		m.producerIDs = append(m.producerIDs, id)
	}
}

// park has a producer id fetched, and puts the operation aside until then.
func (m *Machine) park(transactionalID string, p parked) machine.Result {
	m.parked = append(m.parked, p)
	m.options.FetchProducerID(transactionalID)
	return machine.Result{}
}

// ProducerID brings the producer id that was asked for with FetchProducerID, or the reason why there is none.
func (m *Machine) ProducerID(now time.Time, id int64, err error) machine.Result {
	if err == nil {
		m.keepProducerID(id)
	}
	if len(m.parked) == 0 {
		return machine.Result{} // it was asked for before this machine was loaded
	}
	p := m.parked[0]
	if m.parked = m.parked[1:]; len(m.parked) == 0 {
		m.parked = nil
	}
	if err != nil {
		p.fail(now, protocol.CodeOf(err))
		return machine.Result{}
	}
	return p.run(now)
}
