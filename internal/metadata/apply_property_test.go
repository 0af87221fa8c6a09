package metadata

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// model is the plainest form of what an image says of topics and configs.
type model struct {
	topics  map[string]UUID
	leaders map[UUID][]int32
	configs map[Resource]map[string]string
}

func (m *model) clone() *model {
	c := &model{topics: maps.Clone(m.topics), leaders: map[UUID][]int32{}, configs: map[Resource]map[string]string{}}
	for id, l := range m.leaders {
		c.leaders[id] = slices.Clone(l)
	}
	for r, v := range m.configs {
		c.configs[r] = maps.Clone(v)
	}
	return c
}

// step draws one record that fits the model, and applies it to the model.
func (m *model) step(t *rapid.T, nextID *int) []Record {
	names := []string{"a", "b.c", "b_c", "d", "e.f.g", "e_f.g", "h", "i"}
	name := rapid.SampledFrom(names).Draw(t, "name")
	id, there := m.topics[name]
	resource := TopicResource(name)
	switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case !there && kind < 4:
		*nextID++
		id = UUID{byte(*nextID >> 8), byte(*nextID)}
		records := []Record{TopicRecord{Name: name, TopicID: id}}
		var leaders []int32
		for p := range rapid.IntRange(1, 5).Draw(t, "partitions") {
			leaders = append(leaders, int32(p%3))
			records = append(records, PartitionRecord{TopicID: id, PartitionID: int32(p), Partition: onePartition(int32(p % 3))})
		}
		m.topics[name], m.leaders[id] = id, leaders
		return records
	case there && kind == 0:
		delete(m.topics, name)
		delete(m.leaders, id)
		delete(m.configs, resource)
		return []Record{RemoveTopicRecord{TopicID: id}}
	case there && kind == 1:
		p := rapid.IntRange(0, len(m.leaders[id])-1).Draw(t, "partition")
		leader := int32(rapid.IntRange(-1, 9).Draw(t, "leader"))
		m.leaders[id][p] = leader
		return []Record{PartitionChangeRecord{TopicID: id, PartitionID: int32(p), Leader: &leader}}
	case there && kind == 2:
		p := len(m.leaders[id])
		m.leaders[id] = append(m.leaders[id], 7)
		return []Record{PartitionRecord{TopicID: id, PartitionID: int32(p), Partition: onePartition(7)}}
	}
	key := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "key")
	if rapid.Bool().Draw(t, "remove") {
		delete(m.configs[resource], key)
		return []Record{ConfigRecord{Resource: resource, Name: key}}
	}
	value := fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "value"))
	if m.configs[resource] == nil {
		m.configs[resource] = map[string]string{}
	}
	m.configs[resource][key] = value
	return []Record{ConfigRecord{Resource: resource, Name: key, Value: &value}}
}

func (m *model) check(t *rapid.T, img *Image) {
	partitions := 0
	names := slices.Sorted(maps.Keys(m.topics))
	for _, name := range names {
		id := m.topics[name]
		topic := img.Topic(name)
		if topic == nil || topic.ID != id || img.TopicByID(id) != topic {
			t.Fatalf("topic %s is %+v", name, topic)
		}
		var leaders []int32
		for _, p := range topic.Partitions {
			leaders = append(leaders, p.Leader)
		}
		if !slices.Equal(leaders, m.leaders[id]) {
			t.Fatalf("leaders of %s are %v, want %v", name, leaders, m.leaders[id])
		}
		partitions += len(leaders)
		collides := slices.ContainsFunc(names, func(o string) bool { return hasCollisionChars(name) && collisionKey(o) == collisionKey(name) })
		if (img.CollidingTopic(name) != "") != collides {
			t.Fatalf("%s collides with %q", name, img.CollidingTopic(name))
		}
	}
	var got []string
	for topic := range img.Topics() {
		got = append(got, topic.Name)
	}
	if !slices.Equal(got, names) || img.NumTopics() != len(names) || img.NumPartitions() != partitions {
		t.Fatalf("topics %v, %d partitions; want %v, %d", got, img.NumPartitions(), names, partitions)
	}
	for r, want := range m.configs {
		if !maps.Equal(img.Configs(r), want) {
			t.Fatalf("configs of %v are %v, want %v", r, img.Configs(r), want)
		}
	}
	for _, r := range img.ConfigResources(ResourceTopic) {
		if len(m.configs[r]) == 0 {
			t.Fatalf("%v has configs %v", r, img.Configs(r))
		}
	}
}

func TestApplyAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := &model{topics: map[string]UUID{}, leaders: map[UUID][]int32{}, configs: map[Resource]map[string]string{}}
		img := Empty()
		images, models := []*Image{img}, []*model{now.clone()}
		nextID := 0
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			var records []Record
			for range rapid.IntRange(1, 6).Draw(t, "records") {
				records = append(records, now.step(t, &nextID)...)
			}
			next, delta, err := img.Apply(img.Revision+1, records...)
			if err != nil {
				t.Fatal(err)
			}
			checkDelta(t, Compare(img, next), delta)
			img = next
			images, models = append(images, img), append(models, now.clone())
		}
		for i := range images { // the older ones must be as they were
			models[i].check(t, images[i])
		}
	})
}

// checkDelta compares what Apply told with what a comparison of the images finds. Apply may tell more: topics whose
// partitions, and resources whose configs, came back to what they were.
func checkDelta(t *rapid.T, want, got *Delta) {
	ids := func(topics []*Topic) string {
		var s []string
		for _, topic := range topics {
			s = append(s, topic.ID.String())
		}
		slices.Sort(s)
		return fmt.Sprint(s)
	}
	if ids(want.Created) != ids(got.Created) || ids(want.Deleted) != ids(got.Deleted) {
		t.Fatalf("created %s, deleted %s; want %s, %s", ids(got.Created), ids(got.Deleted), ids(want.Created), ids(want.Deleted))
	}
	for _, w := range want.Changed {
		i := slices.IndexFunc(got.Changed, func(c TopicChange) bool { return c.New == w.New && c.Old == w.Old })
		if i < 0 {
			t.Fatalf("the change of %s is not told", w.New.Name)
		}
		for _, p := range w.Partitions {
			if !slices.Contains(got.Changed[i].Partitions, p) {
				t.Fatalf("the change of %s-%d is not told", w.New.Name, p)
			}
		}
	}
	for _, r := range want.Configs {
		if !slices.Contains(got.Configs, r) {
			t.Fatalf("the change of the configs of %v is not told", r)
		}
	}
}

func TestNameSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]bool{}
		set := nameSet{}
		for range rapid.IntRange(1, 4).Draw(t, "edits") {
			before, content := set, slices.Sorted(maps.Keys(want))
			e := nameEdit{set: set}
			first := rapid.IntRange(0, 3000).Draw(t, "first")
			for i := range rapid.IntRange(1, 1500).Draw(t, "count") {
				name := fmt.Sprintf("%05d", (first+i*7919)%5000)
				if rapid.IntRange(0, 3).Draw(t, "what") == 0 {
					e.remove(name)
					delete(want, name)
				} else {
					e.add(name)
					want[name] = true
				}
			}
			set = e.set
			if got := collect(before, ""); !slices.Equal(got, content) {
				t.Fatal("the set before the edit changed")
			}
		}
		all := slices.Sorted(maps.Keys(want))
		from := fmt.Sprintf("%05d", rapid.IntRange(0, 5000).Draw(t, "from"))
		at, _ := slices.BinarySearch(all, from)
		if got := collect(set, from); !slices.Equal(got, all[at:]) {
			t.Fatalf("from %s: %d names, want %d", from, len(got), len(all[at:]))
		}
	})
}

func collect(s nameSet, from string) []string {
	names := []string{}
	s.from(from, func(name string) bool {
		names = append(names, name)
		return true
	})
	return names
}
