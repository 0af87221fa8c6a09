package node

import (
	"errors"
	"fmt"
	"testing"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
)

// manyTopics are more than fit into one commit of the store.
func manyTopics(topics int) []metadata.Record {
	var records []metadata.Record
	for i := range topics {
		id := metadata.UUID{0: byte(i >> 8), 1: byte(i), 15: 100}
		records = append(records, metadata.TopicRecord{Name: fmt.Sprintf("topic-%d", i), TopicID: id},
			metadata.PartitionRecord{TopicID: id, Partition: metadata.Partition{Leader: metadata.NoLeader, Replicas: []int32{1}, ISR: []int32{1}}},
			metadata.ResourceConfigsRecord{Resource: metadata.TopicResource(fmt.Sprintf("topic-%d", i)), Configs: map[string]string{"retention.ms": fmt.Sprint(i)}})
	}
	return append(records, metadata.ProducerIDsRecord{NextProducerID: 9000})
}

// An import that takes several commits may end after any of them. The cluster has no id before all of them are there, and the next start
// stores what is missing.
func TestImportInterruptedAfterEachCommit(t *testing.T) {
	records := manyTopics(500)
	lost := errors.New("the process is gone")
	for after := 0; ; after++ {
		memory := store.NewMemory()
		commits := 0
		memory.SetFault(func(_ int, operation string, before bool) error {
			if operation == "commit" && before {
				if commits++; commits > after+1 { // the first is the election
					return lost
				}
			}
			return nil
		})
		if _, err := importOnce(t, memory, records); err == nil {
			if after < 5 {
				t.Fatalf("only %d commits: the test does not test what it should", after)
			}
			break
		} else if !errors.Is(err, lost) {
			t.Fatal(err)
		}
		memory.SetFault(nil)
		s := store.New(memory.Client(2))
		half, err := s.Load(t.Context())
		if err != nil || half.ClusterID != "" && half.NumTopics() != 500 {
			t.Fatalf("after %d commits: cluster %q with %d topics, %v", after, half.ClusterID, half.NumTopics(), err)
		}
		img, err := importOnce(t, memory, records)
		if err != nil {
			t.Fatal(err)
		}
		if img.NumTopics() != 500 || img.NextProducerID != 9000 || img.Configs(metadata.TopicResource("topic-499"))["retention.ms"] != "499" {
			t.Fatalf("after %d commits: %d topics, producer ids from %d", after, img.NumTopics(), img.NextProducerID)
		}
	}
}

// importOnce is one start: it imports, and returns what is stored then.
func importOnce(t *testing.T, memory *store.Memory, records []metadata.Record) (*metadata.Image, error) {
	t.Helper()
	s := store.New(memory.Client(1))
	defer s.Close()
	before, err := s.Load(t.Context())
	if err != nil {
		return nil, err
	}
	if err := storeImport(t.Context(), s, 1, "cluster", before, records); err != nil {
		return nil, err
	}
	img, err := s.Load(t.Context())
	if err == nil && img.ClusterID != "cluster" {
		t.Errorf("the cluster is %q", img.ClusterID)
	}
	return img, err
}
