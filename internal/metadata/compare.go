package metadata

import (
	"maps"
	"reflect"
	"slices"
)

// Compare returns what differs between two images, for somebody who missed the records between them. Its cost is that of
// the whole images.
func Compare(old, new *Image) *Delta {
	d := &Delta{
		ProducerIDs:     old.NextProducerID != new.NextProducerID,
		Controller:      old.ControllerID != new.ControllerID || old.ControllerEpoch != new.ControllerEpoch,
		ClusterIDChange: old.ClusterID != new.ClusterID,
		Brokers:         changedKeys(old.Brokers, new.Brokers, func(a, b *Broker) bool { return reflect.DeepEqual(a, b) }),
		Presence:        changedKeys(old.Present, new.Present, func(a, b UUID) bool { return a == b }),
		Features:        changedKeys(old.Features, new.Features, func(a, b int16) bool { return a == b }),
	}
	for t := range old.Topics() {
		if new.TopicByID(t.ID) == nil {
			d.Deleted = append(d.Deleted, t)
		}
	}
	for t := range new.Topics() {
		before := old.TopicByID(t.ID)
		if before == nil {
			d.Created = append(d.Created, t)
		} else if changed := changedPartitions(before, t); len(changed) > 0 {
			d.Changed = append(d.Changed, TopicChange{Old: before, New: t, Partitions: changed})
		}
	}
	d.Configs = changedConfigs(old, new)
	return d
}

func changedPartitions(old, new *Topic) []int32 {
	var changed []int32
	if old == new {
		return nil
	}
	for i, p := range new.Partitions {
		if before := old.Partition(int32(i)); before == nil || !before.Equal(p) {
			changed = append(changed, int32(i))
		}
	}
	return changed
}

func changedConfigs(old, new *Image) []Resource {
	var changed []Resource
	old.configs.all(func(r Resource, before map[string]string) bool {
		if !maps.Equal(before, new.Configs(r)) {
			changed = append(changed, r)
		}
		return true
	})
	new.configs.all(func(r Resource, _ map[string]string) bool {
		if old.Configs(r) == nil {
			changed = append(changed, r)
		}
		return true
	})
	slices.SortFunc(changed, Resource.less)
	return changed
}

func changedKeys[K int32 | string, V any](old, new map[K]V, same func(a, b V) bool) []K {
	var changed []K
	for k, v := range old {
		if now, ok := new[k]; !ok || !same(v, now) {
			changed = append(changed, k)
		}
	}
	for k := range new {
		if _, ok := old[k]; !ok {
			changed = append(changed, k)
		}
	}
	slices.Sort(changed)
	return changed
}
