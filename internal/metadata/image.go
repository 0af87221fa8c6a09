package metadata

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// Image is the whole metadata of the cluster at one revision of the store. It never changes; Apply makes the next one,
// which shares nearly all of it. All its maps and slices are to be read only.
type Image struct {
	Revision        int64
	ClusterID       string
	ControllerID    int32 // NoLeader while no controller is elected
	ControllerEpoch int64
	NextProducerID  int64
	Brokers         map[int32]*Broker
	Present         map[int32]UUID   // incarnation of each broker whose process holds its lease
	Features        map[string]int16 // finalized levels

	topics     shardMap[string, *Topic]
	topicsByID shardMap[UUID, *Topic]
	names      nameSet
	collisions shardMap[string, []string] // names with '.' or '_', by the name with each '.' made a '_'
	configs    shardMap[Resource, map[string]string]
	partitions int
	intern     *interner
}

// Empty returns the image of a cluster of which nothing is known.
func Empty() *Image { return &Image{ControllerID: NoLeader, intern: newInterner()} }

// Topic returns a topic by name, nil if there is none.
func (img *Image) Topic(name string) *Topic {
	t, _ := img.topics.get(name)
	return t
}

// TopicByID returns a topic by id, nil if there is none.
func (img *Image) TopicByID(id UUID) *Topic {
	t, _ := img.topicsByID.get(id)
	return t
}

// Partition returns a partition by topic name and index, nil if there is none.
func (img *Image) Partition(topic string, index int32) *Partition {
	t := img.Topic(topic)
	if t == nil {
		return nil
	}
	return t.Partition(index)
}

// NumTopics returns how many topics there are.
func (img *Image) NumTopics() int { return img.topics.length }

// NumPartitions returns how many partitions all topics have together.
func (img *Image) NumPartitions() int { return img.partitions }

// Topics returns all topics in the order of their names.
func (img *Image) Topics() iter.Seq[*Topic] { return img.TopicsFrom("") }

// TopicsFrom returns the topics in the order of their names, beginning with name or the next one after it.
func (img *Image) TopicsFrom(name string) iter.Seq[*Topic] {
	return func(yield func(*Topic) bool) {
		img.names.from(name, func(name string) bool { return yield(img.Topic(name)) })
	}
}

// CollidingTopic returns a topic whose name is the same once every '.' is read as '_' (Kafka's metrics do so), "" if
// there is none.
func (img *Image) CollidingTopic(name string) string {
	if !hasCollisionChars(name) {
		return ""
	}
	names, _ := img.collisions.get(collisionKey(name))
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// Configs returns the dynamic configs that are set on a resource itself; nil if none is.
func (img *Image) Configs(r Resource) map[string]string {
	c, _ := img.configs.get(r)
	return c
}

// ConfigResources returns the resources of one kind that have configs, in the order of their names.
func (img *Image) ConfigResources(kind ResourceType) []Resource {
	var found []Resource
	img.configs.all(func(r Resource, _ map[string]string) bool {
		if r.Type == kind {
			found = append(found, r)
		}
		return true
	})
	slices.SortFunc(found, Resource.less)
	return found
}

// BrokerIDs returns the ids of all registered brokers, sorted.
func (img *Image) BrokerIDs() []int32 { return slices.Sorted(maps.Keys(img.Brokers)) }

// BrokerActive reports whether a broker is registered, not fenced and not about to leave.
func (img *Image) BrokerActive(id int32) bool {
	b := img.Brokers[id]
	return b != nil && b.Active()
}

func hasCollisionChars(name string) bool { return strings.ContainsAny(name, "._") }

func collisionKey(name string) string { return strings.ReplaceAll(name, ".", "_") }
