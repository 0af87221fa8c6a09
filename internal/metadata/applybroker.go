package metadata

import (
	"fmt"
	"slices"
)

func (e *edit) setBroker(id int32, b *Broker) {
	if len(e.brokers) == 0 {
		e.next.Brokers = cloneMap(e.next.Brokers)
	}
	e.brokers[id] = true
	if b == nil {
		delete(e.next.Brokers, id)
		return
	}
	e.next.Brokers[id] = b
}

func (e *edit) unregister(r UnregisterBrokerRecord) error {
	if _, err := e.broker(r.BrokerID, r.BrokerEpoch); err != nil {
		return err
	}
	e.setBroker(r.BrokerID, nil)
	return nil
}

func (e *edit) changeBroker(r BrokerRegistrationChangeRecord) error {
	b, err := e.broker(r.BrokerID, r.BrokerEpoch)
	if err != nil {
		return err
	}
	changed := *b
	if r.Fenced != nil {
		changed.Fenced = *r.Fenced
	}
	if r.InControlledShutdown != nil {
		changed.InControlledShutdown = *r.InControlledShutdown
	}
	if r.LogDirs != nil {
		changed.LogDirs = slices.Clone(r.LogDirs)
	}
	e.setBroker(r.BrokerID, &changed)
	return nil
}

func (e *edit) broker(id int32, epoch int64) (*Broker, error) {
	b := e.next.Brokers[id]
	if b == nil {
		return nil, fmt.Errorf("%w: broker %d is not registered", ErrInconsistent, id)
	}
	if b.Epoch != epoch && epoch != AnyBrokerEpoch {
		return nil, fmt.Errorf("%w: broker %d has epoch %d, not %d", ErrInconsistent, id, b.Epoch, epoch)
	}
	return b, nil
}

func (e *edit) setPresence(r BrokerPresenceRecord) {
	if len(e.presence) == 0 {
		e.next.Present = cloneMap(e.next.Present)
	}
	e.presence[r.BrokerID] = true
	if r.Present {
		e.next.Present[r.BrokerID] = r.IncarnationID
	} else {
		delete(e.next.Present, r.BrokerID)
	}
}
