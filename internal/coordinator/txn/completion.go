package txn

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// completion is what is left to do for a transaction whose end is decided.
type completion struct {
	// missing are the partitions without their marker. The slices are not changed: a request may hold them.
	missing []TopicPartitions
	next    *metadata // what is written when they all have it
	attempt uint64    // the request that is under way; an answer to an earlier one comes too late
	givenUp bool      // a marker was fenced off
	failed  int       // requests in a row after which markers were missing
}

// maxBackoffSteps bounds how the time between two attempts to write markers grows, in steps of the configured one.
const maxBackoffSteps = 10

// prepare writes the decision about the end of a transaction. done is told when it is committed; then the markers go
// out, and the transaction stays busy until the last of them is written.
func (m *Machine) prepare(t *transaction, next *metadata, done func(now time.Time, code protocol.Code)) machine.Result {
	t.busy = writing
	return m.append(t, next, func(now time.Time, code protocol.Code) {
		if done != nil {
			done(now, code)
			done = nil
		}
		switch {
		case code == protocol.None:
			m.startCompletion(now, t)
		case t.latest != next:
			t.busy = idle
		}
	})
}

// startCompletion begins to write the markers of a decision that is committed.
func (m *Machine) startCompletion(now time.Time, t *transaction) {
	t.busy = completing
	t.completion = &completion{missing: t.latest.topics, next: t.latest.completed(now.UnixMilli())}
	if !m.sendMarkers(t) {
		m.timers.Set(&t.timer, now, func(time.Time) machine.Result { return m.complete(t) })
	}
}

// sendMarkers has the missing markers written. It returns false when there are none: partitions that are no more, with
// their topics, need none, nor do those that somebody else sees to.
func (m *Machine) sendMarkers(t *transaction) bool {
	c := t.completion
	c.missing = without(c.missing, func(tp TopicPartition) bool {
		if m.options.PartitionExists(tp.Topic, tp.Partition) {
			return m.leftToOthers(t.latest.producerID, tp)
		}
		m.log.Info("a partition of a transaction is gone, and needs no marker", "transactional_id", t.id, "topic", tp.Topic, "partition", tp.Partition)
		return true
	})
	if len(c.missing) == 0 {
		return false
	}
	m.attempts++
	c.attempt = m.attempts
	md := t.latest
	m.options.SendMarkers(&Markers{
		TransactionalID: t.id, ProducerID: md.producerID, ProducerEpoch: md.producerEpoch, Commit: md.state == PrepareCommit,
		TransactionVersion: md.clientVersion, Topics: c.missing, owner: m, attempt: c.attempt,
	})
	return true
}

// retryMarkers tries again after a while.
func (m *Machine) retryMarkers(now time.Time, t *transaction) {
	c := t.completion
	c.failed++
	backoff := m.retryBackoff() * time.Duration(min(c.failed, maxBackoffSteps))
	m.timers.Set(&t.timer, now.Add(backoff), func(now time.Time) machine.Result {
		if m.sendMarkers(t) {
			return machine.Result{}
		}
		return m.complete(t)
	})
}

// ResumeMarkers sends the markers again that were given up. It is for a coordinator that was elected again in a newer
// epoch, in which it is not behind any more.
func (m *Machine) ResumeMarkers(now time.Time) machine.Result {
	for _, t := range m.sorted(func(t *transaction) bool { return t.completion != nil && t.completion.givenUp }) {
		t.completion.givenUp = false
		if !m.sendMarkers(t) {
			m.timers.Set(&t.timer, now, func(time.Time) machine.Result { return m.complete(t) })
		}
	}
	return machine.Result{}
}

// complete writes that the transaction has ended.
func (m *Machine) complete(t *transaction) machine.Result {
	next := t.completion.next
	return m.append(t, next, func(now time.Time, code protocol.Code) {
		switch {
		case code == protocol.None:
			t.busy, t.completion = idle, nil
		case t.latest != next:
			m.log.Warn("the end of a transaction could not be written; it is tried again", "transactional_id", t.id, "code", code.Name())
			m.timers.Set(&t.timer, now.Add(m.retryBackoff()), func(time.Time) machine.Result { return m.complete(t) })
		}
	})
}

// without returns the partitions that are not to be dropped; what was given stays as it is, and is returned if all stay.
func without(topics []TopicPartitions, drop func(TopicPartition) bool) []TopicPartitions {
	var kept []TopicPartitions
	changed := false
	for i, t := range topics {
		var partitions []int32
		dropped := false
		for j, p := range t.Partitions {
			switch {
			case drop(TopicPartition{t.Topic, p}):
				if !dropped {
					partitions, dropped = append(partitions, t.Partitions[:j]...), true
				}
			case dropped:
				partitions = append(partitions, p)
			}
		}
		if !dropped {
			if changed {
				kept = append(kept, t)
			}
			continue
		}
		if !changed {
			kept, changed = append(kept, topics[:i]...), true
		}
		if len(partitions) > 0 {
			kept = append(kept, TopicPartitions{t.Topic, partitions})
		}
	}
	if !changed {
		return topics
	}
	return kept
}
