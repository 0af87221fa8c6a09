package metadata

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// done closes the edit: it checks what only the whole can show, and tells what changed.
func (e *edit) done(revision int64) (*Image, *Delta, error) {
	d := &Delta{}
	for _, id := range e.order {
		if err := e.tellTopic(d, e.touched[id]); err != nil {
			return nil, nil, err
		}
	}
	d.Configs = slices.SortedFunc(maps.Keys(e.resources), Resource.less)
	d.Brokers = sortedKeys(e.brokers)
	d.Presence = sortedKeys(e.presence)
	d.Features = sortedKeys(e.features)
	d.ProducerIDs = e.next.NextProducerID != e.old.NextProducerID
	d.Controller = e.next.ControllerID != e.old.ControllerID || e.next.ControllerEpoch != e.old.ControllerEpoch
	d.ClusterIDChange = e.next.ClusterID != e.old.ClusterID

	next := e.next
	next.Revision = revision
	next.topics = e.topics.done()
	next.topicsByID = e.topicsByID.done()
	next.collisions = e.collisions.done()
	next.configs = e.configs.done()
	next.names = e.names.set
	return &next, d, nil
}

func (e *edit) tellTopic(d *Delta, t *topicEdit) error {
	if t.removed {
		if t.old != nil {
			d.Deleted = append(d.Deleted, t.old)
		}
		return nil
	}
	for i, p := range t.new.Partitions {
		if p == nil {
			return fmt.Errorf("%w: topic %q lacks partition %d of %d", ErrInconsistent, t.new.Name, i, len(t.new.Partitions))
		}
	}
	if t.old == nil {
		d.Created = append(d.Created, t.new)
	} else if len(t.partitions) > 0 {
		d.Changed = append(d.Changed, TopicChange{Old: t.old, New: t.new, Partitions: sortedKeys(t.partitions)})
	}
	return nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}
