package metadata

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrInconsistent marks a record that does not fit the image: the store's content is damaged, or its writer is wrong.
var ErrInconsistent = errors.New("metadata record does not fit")

// Apply returns the image after the records, with the given revision, and what they changed. The receiver stays as it
// is; on an error nothing is returned.
func (img *Image) Apply(revision int64, records ...Record) (*Image, *Delta, error) {
	e := newEdit(img)
	for _, r := range records {
		if err := e.apply(r); err != nil {
			return nil, nil, err
		}
	}
	return e.done(revision)
}

// edit is an image in the making.
type edit struct {
	old  *Image
	next Image

	topics     *shardEdit[string, *Topic]
	topicsByID *shardEdit[UUID, *Topic]
	collisions *shardEdit[string, []string]
	configs    *shardEdit[Resource, map[string]string]
	names      nameEdit
	touched    map[UUID]*topicEdit
	order      []UUID // of touched, in the order of their first change
	resources  map[Resource]bool
	brokers    map[int32]bool
	presence   map[int32]bool
	features   map[string]bool
}

// topicEdit is a topic that the records touch. Its partitions are copied on the first change.
type topicEdit struct {
	old, new   *Topic
	partitions map[int32]bool
	removed    bool
}

func newEdit(img *Image) *edit {
	return &edit{
		old: img, next: *img,
		topics: editShards(img.topics), topicsByID: editShards(img.topicsByID), collisions: editShards(img.collisions),
		configs: editShards(img.configs), names: nameEdit{set: img.names},
		touched: map[UUID]*topicEdit{}, resources: map[Resource]bool{}, brokers: map[int32]bool{},
		presence: map[int32]bool{}, features: map[string]bool{},
	}
}

func (e *edit) apply(record Record) error {
	switch r := record.(type) {
	case ClusterRecord:
		e.next.ClusterID = r.ClusterID
	case ControllerRecord:
		e.next.ControllerID, e.next.ControllerEpoch = r.ID, r.Epoch
	case TopicRecord:
		return e.addTopic(r)
	case RemoveTopicRecord:
		return e.removeTopic(r)
	case PartitionRecord:
		return e.setPartition(r.TopicID, r.PartitionID, r.Partition)
	case PartitionChangeRecord:
		return e.changePartition(r)
	case ConfigRecord:
		e.setConfig(r)
	case ResourceConfigsRecord:
		e.setConfigs(r.Resource, r.Configs)
	case RegisterBrokerRecord:
		e.setBroker(r.Broker.ID, &r.Broker)
	case UnregisterBrokerRecord:
		return e.unregister(r)
	case BrokerRegistrationChangeRecord:
		return e.changeBroker(r)
	case BrokerPresenceRecord:
		e.setPresence(r)
	case FeatureLevelRecord:
		e.setFeature(r)
	case ProducerIDsRecord:
		e.next.NextProducerID = r.NextProducerID
	default:
		return fmt.Errorf("%w: unknown type %T", ErrInconsistent, record)
	}
	return nil
}

func (e *edit) addTopic(r TopicRecord) error {
	if t, ok := e.topicsByID.get(r.TopicID); ok {
		return fmt.Errorf("%w: topic id %s of %q is taken by %q", ErrInconsistent, r.TopicID, r.Name, t.Name)
	}
	if t, ok := e.topics.get(r.Name); ok {
		return fmt.Errorf("%w: topic %q is there already, with id %s", ErrInconsistent, r.Name, t.ID)
	}
	if _, again := e.touched[r.TopicID]; again {
		return fmt.Errorf("%w: topic id %s of %q was just removed", ErrInconsistent, r.TopicID, r.Name)
	}
	t := &Topic{ID: r.TopicID, Name: r.Name}
	e.touched[r.TopicID] = &topicEdit{new: t, partitions: map[int32]bool{}}
	e.order = append(e.order, r.TopicID)
	e.topics.set(r.Name, t)
	e.topicsByID.set(r.TopicID, t)
	e.names.add(r.Name)
	if hasCollisionChars(r.Name) {
		key := collisionKey(r.Name)
		same, _ := e.collisions.get(key)
		e.collisions.set(key, append(slices.Clip(same), r.Name))
	}
	return nil
}

func (e *edit) removeTopic(r RemoveTopicRecord) error {
	t, err := e.touch(r.TopicID)
	if err != nil {
		return err
	}
	t.removed = true
	name := t.new.Name
	e.next.partitions -= len(t.new.Partitions)
	e.topics.remove(name)
	e.topicsByID.remove(r.TopicID)
	e.names.remove(name)
	if hasCollisionChars(name) {
		key := collisionKey(name)
		same, _ := e.collisions.get(key)
		same = slices.DeleteFunc(slices.Clone(same), func(n string) bool { return n == name })
		if len(same) == 0 {
			e.collisions.remove(key)
		} else {
			e.collisions.set(key, same)
		}
	}
	e.setConfigs(TopicResource(name), nil)
	return nil
}

// touch returns the edit of a topic that must be there.
func (e *edit) touch(id UUID) (*topicEdit, error) {
	t := e.touched[id]
	if t == nil {
		old, ok := e.topicsByID.get(id)
		if !ok {
			return nil, fmt.Errorf("%w: no topic has id %s", ErrInconsistent, id)
		}
		t = &topicEdit{old: old, new: old, partitions: map[int32]bool{}}
		e.touched[id] = t
		e.order = append(e.order, id)
	}
	if t.removed {
		return nil, fmt.Errorf("%w: topic %q (%s) was removed", ErrInconsistent, t.new.Name, id)
	}
	return t, nil
}

// maxPartitions bounds a topic, so that a damaged index cannot ask for all memory.
const maxPartitions = 1 << 20

func (e *edit) setPartition(id UUID, index int32, p Partition) error {
	t, err := e.touch(id)
	if err != nil {
		return err
	}
	if index < 0 || index >= maxPartitions {
		return fmt.Errorf("%w: partition %d of topic %q", ErrInconsistent, index, t.new.Name)
	}
	if old := t.new.Partition(index); old != nil && old.Equal(&p) {
		return nil // the store writes many partitions in one value, of which few changed
	}
	if t.new == t.old {
		t.new = &Topic{ID: t.old.ID, Name: t.old.Name, Partitions: slices.Clone(t.old.Partitions)}
		e.topics.set(t.new.Name, t.new)
		e.topicsByID.set(id, t.new)
	}
	if grow := int(index) + 1 - len(t.new.Partitions); grow > 0 {
		t.new.Partitions = append(t.new.Partitions, make([]*Partition, grow)...)
		e.next.partitions += grow
	}
	t.new.Partitions[index] = e.next.intern.partition(p)
	t.partitions[index] = true
	return nil
}

func (e *edit) changePartition(r PartitionChangeRecord) error {
	t, err := e.touch(r.TopicID)
	if err != nil {
		return err
	}
	old := t.new.Partition(r.PartitionID)
	if old == nil {
		return fmt.Errorf("%w: topic %q has no partition %d", ErrInconsistent, t.new.Name, r.PartitionID)
	}
	return e.setPartition(r.TopicID, r.PartitionID, old.merge(r))
}

// merge returns the partition after a change, by KRaft's rules for the epochs.
func (p *Partition) merge(r PartitionChangeRecord) Partition {
	n, rare := *p, p.rareFields()
	n.PartitionEpoch++
	if r.Leader != nil {
		n.Leader = *r.Leader
		n.LeaderEpoch++
	}
	if r.LeaderRecovering != nil {
		n.LeaderRecovering = *r.LeaderRecovering
	}
	replace(&n.Replicas, r.Replicas)
	replace(&n.ISR, r.ISR)
	replace(&n.Directories, r.Directories)
	replace(&rare.elr, r.ELR)
	replace(&rare.lastKnownELR, r.LastKnownELR)
	replace(&rare.adding, r.AddingReplicas)
	replace(&rare.removing, r.RemovingReplicas)
	return n.WithRare(rare.elr, rare.lastKnownELR, rare.adding, rare.removing)
}

func replace[S ~[]E, E any](field *S, value S) {
	if value != nil {
		*field = value
	}
}

func (e *edit) setConfig(r ConfigRecord) {
	old, _ := e.configs.get(r.Resource)
	changed := make(map[string]string, len(old)+1)
	maps.Copy(changed, old)
	if r.Value == nil {
		delete(changed, r.Name)
	} else {
		changed[r.Name] = *r.Value
	}
	e.setConfigs(r.Resource, changed)
	e.resources[r.Resource] = true // also an unchanged value is told: subscribers reload by it (KAFKA-14136)
}

func (e *edit) setConfigs(r Resource, configs map[string]string) {
	old, had := e.configs.get(r)
	if len(configs) == 0 {
		if had {
			e.configs.remove(r)
			e.resources[r] = true
		}
		return
	}
	if !maps.Equal(old, configs) {
		e.configs.set(r, configs)
	}
	e.resources[r] = true
}

func (e *edit) setFeature(r FeatureLevelRecord) {
	if len(e.features) == 0 {
		e.next.Features = cloneMap(e.next.Features)
	}
	e.features[r.Name] = true
	if r.Level == 0 {
		delete(e.next.Features, r.Name)
	} else {
		e.next.Features[r.Name] = r.Level
	}
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m)+1)
	maps.Copy(c, m)
	return c
}
