package metadata

// Delta tells what a set of records changed from one image to the next. Created and Deleted hold topics by their ids:
// a topic that was deleted and created again under the same name is in both.
type Delta struct {
	Created []*Topic
	Deleted []*Topic
	Changed []TopicChange

	Configs         []Resource // whose dynamic configs changed; those of deleted topics included
	Brokers         []int32    // whose registration changed or went
	Presence        []int32    // whose lease began or ended
	Features        []string
	ProducerIDs     bool
	Controller      bool
	ClusterIDChange bool
}

// TopicChange tells which partitions of a topic changed or were added.
type TopicChange struct {
	Old, New   *Topic
	Partitions []int32 // sorted
}

// Empty reports whether nothing changed.
func (d *Delta) Empty() bool {
	return len(d.Created)+len(d.Deleted)+len(d.Changed)+len(d.Configs)+len(d.Brokers)+len(d.Presence)+len(d.Features) == 0 &&
		!d.ProducerIDs && !d.Controller && !d.ClusterIDChange
}
