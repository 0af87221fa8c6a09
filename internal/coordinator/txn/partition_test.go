package txn

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// flat lists the partitions of the topics.
func flat(topics []TopicPartitions) (all []TopicPartition) {
	for _, t := range topics {
		for _, p := range t.Partitions {
			all = append(all, TopicPartition{t.Topic, p})
		}
	}
	return all
}

func clone(topics []TopicPartitions) []TopicPartitions {
	copied := slices.Clone(topics)
	for i := range copied {
		copied[i].Partitions = slices.Clone(copied[i].Partitions)
	}
	return copied
}

func same(a, b []TopicPartitions) bool {
	return slices.EqualFunc(a, b, func(a, b TopicPartitions) bool { return a.Topic == b.Topic && slices.Equal(a.Partitions, b.Partitions) })
}

// TestPartitionsAgainstSet compares adding and dropping with a set, and checks that what was given is not touched.
func TestPartitionsAgainstSet(t *testing.T) {
	some := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) TopicPartition {
		return TopicPartition{fmt.Sprint("t", rapid.IntRange(0, 3).Draw(t, "topic")), rapid.Int32Range(0, 5).Draw(t, "partition")}
	}), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		var topics []TopicPartitions
		set := make(map[TopicPartition]bool)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				given := some.Draw(t, "partitions")
				absent := missing(topics, given)
				if large := missingFromSet(topics, given, len(given)); !slices.Equal(absent, large) {
					t.Fatalf("one by one %v are missing, by the set %v", absent, large)
				}
				for _, tp := range absent {
					if set[tp] {
						t.Fatalf("%s is not missing", tp)
					}
				}
				for _, tp := range given {
					set[tp] = true
				}
				before := clone(topics)
				after := with(topics, absent)
				if !same(topics, before) {
					t.Fatalf("%v became %v", before, topics)
				}
				topics = after
			},
			"drop": func(t *rapid.T) {
				dropped := make(map[TopicPartition]bool)
				for _, tp := range some.Draw(t, "partitions") {
					dropped[tp] = true
					delete(set, tp)
				}
				before := clone(topics)
				after := without(topics, func(tp TopicPartition) bool { return dropped[tp] })
				if !same(topics, before) {
					t.Fatalf("%v became %v", before, topics)
				}
				topics = after
			},
			"": func(t *rapid.T) {
				all := flat(topics)
				if len(all) != len(set) {
					t.Fatalf("%v, want %v", topics, set)
				}
				for _, tp := range all {
					if !set[tp] || !contains(topics, tp) {
						t.Fatalf("%v, want %v", topics, set)
					}
				}
				names := make(map[string]bool)
				for _, topic := range topics {
					if names[topic.Topic] || len(topic.Partitions) == 0 {
						t.Fatalf("a topic is there twice or without partitions: %v", topics)
					}
					names[topic.Topic] = true
				}
			},
		})
	})
}

// TestManyPartitions adds so many that they are looked for by a set.
func TestManyPartitions(t *testing.T) {
	var all []TopicPartition
	for i := range int32(5000) {
		all = append(all, TopicPartition{fmt.Sprint("t", i%7), i})
	}
	topics := with(nil, missing(nil, append(slices.Clone(all), all...)))
	if got := flat(topics); len(got) != len(all) || len(topics) != 7 {
		t.Fatalf("%d partitions in %d topics", len(got), len(topics))
	}
	if absent := missing(topics, append(slices.Clone(all), TopicPartition{"u", 1})); len(absent) != 1 {
		t.Errorf("%d are missing", len(absent))
	}
}
