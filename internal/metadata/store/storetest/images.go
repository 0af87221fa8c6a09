package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
)

// Topic returns the records of a topic with partitions on brokers 1 to replicas.
func Topic(name string, number, partitions, replicas int) []metadata.Record {
	id := metadata.UUID{byte(number >> 16), byte(number >> 8), byte(number), 1}
	records := []metadata.Record{metadata.TopicRecord{Name: name, TopicID: id}}
	ids := make([]int32, replicas)
	dirs := make([]metadata.UUID, replicas)
	for i := range ids {
		ids[i] = int32(i + 1)
		dirs[i] = metadata.UUID{byte(i), 7}
	}
	for p := range partitions {
		records = append(records, metadata.PartitionRecord{TopicID: id, PartitionID: int32(p), Partition: metadata.Partition{
			Leader: ids[p%replicas], Replicas: ids, ISR: ids, Directories: dirs,
		}})
	}
	return records
}

func everything() []metadata.Record {
	rack, retention := "r1", "1000"
	none, empty := metadata.NoLeader, ""
	records := []metadata.Record{
		metadata.ClusterRecord{ClusterID: "cluster"},
		metadata.FeatureLevelRecord{Name: "metadata.version", Level: 30},
		metadata.ProducerIDsRecord{NextProducerID: 5000},
		metadata.RegisterBrokerRecord{Broker: metadata.Broker{
			ID: 1, Epoch: 9, IncarnationID: metadata.UUID{1}, Rack: &rack, LogDirs: []metadata.UUID{{1, 1}, {1, 2}}, Fenced: true, InControlledShutdown: true,
			Endpoints: []metadata.Endpoint{{Name: "PLAINTEXT", Host: "h", Port: 9092}, {Name: "SSL", Host: "h", Port: 9093, SecurityProtocol: 1}},
			Features:  map[string]metadata.FeatureRange{"metadata.version": {Min: 7, Max: 30}},
		}},
		metadata.RegisterBrokerRecord{Broker: metadata.Broker{ID: 0}},
		metadata.ConfigRecord{Resource: metadata.TopicResource("big"), Name: "retention.ms", Value: &retention},
		metadata.ConfigRecord{Resource: metadata.DefaultBrokerResource, Name: "some.list", Value: &empty},
		metadata.ConfigRecord{Resource: metadata.BrokerResource(1), Name: "a", Value: &retention},
		metadata.ConfigRecord{Resource: metadata.Resource{Type: metadata.ResourceGroup, Name: "g/with/slashes and ünïcode"}, Name: "a", Value: &retention},
	}
	records = append(records, Topic("big", 1, 300, 3)...)
	records = append(records, Topic("small", 2, 1, 1)...)
	records = append(records, Topic("empty-isr", 3, 2, 1)...)
	id := metadata.UUID{0, 0, 3, 1}
	recovering := true
	return append(records,
		metadata.PartitionChangeRecord{TopicID: id, Leader: &none, ISR: []int32{}, ELR: []int32{1}, LastKnownELR: []int32{2, 3}, LeaderRecovering: &recovering},
		metadata.PartitionChangeRecord{TopicID: id, PartitionID: 1, AddingReplicas: []int32{70000}, RemovingReplicas: []int32{1}, Directories: []metadata.UUID{}})
}

// Same fails the test if two images differ in anything but their revision and the controller.
func Same(t testing.TB, got, want *metadata.Image) {
	t.Helper()
	if g, w := dump(got), dump(want); !slices.Equal(g, w) {
		for i := range max(len(g), len(w)) {
			if i >= len(g) || i >= len(w) || g[i] != w[i] {
				t.Fatalf("images differ at line %d of %d and %d:\n got %s\nwant %s", i, len(g), len(w), line(g, i), line(w, i))
			}
		}
	}
}

func line(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

func dump(img *metadata.Image) []string {
	lines := []string{fmt.Sprintf("cluster %s, producer ids %d, features %v, %d topics, %d partitions", img.ClusterID, img.NextProducerID, img.Features, img.NumTopics(), img.NumPartitions())}
	for _, id := range img.BrokerIDs() {
		b := *img.Brokers[id]
		rack := "none"
		if b.Rack != nil {
			rack = *b.Rack
		}
		b.Rack = nil
		lines = append(lines, fmt.Sprintf("broker %+v rack %s", b, rack))
	}
	for t := range img.Topics() {
		if img.TopicByID(t.ID) != t || img.Topic(t.Name) != t {
			lines = append(lines, "topic "+t.Name+" has no one identity")
		}
		lines = append(lines, fmt.Sprintf("topic %s %s %v", t.Name, t.ID, img.Configs(metadata.TopicResource(t.Name))))
		for i, p := range t.Partitions {
			lines = append(lines, fmt.Sprintf("%s-%d: %d/%d/%d %t replicas %v isr %v dirs %v elr %v %v moves %v %v", t.Name, i, p.Leader, p.LeaderEpoch, p.PartitionEpoch,
				p.LeaderRecovering, p.Replicas, p.ISR, p.Directories, p.ELR(), p.LastKnownELR(), p.AddingReplicas(), p.RemovingReplicas()))
		}
	}
	for _, kind := range []metadata.ResourceType{metadata.ResourceBroker, metadata.ResourceGroup, metadata.ResourceTopic, metadata.ResourceClientMetrics} {
		for _, r := range img.ConfigResources(kind) {
			lines = append(lines, fmt.Sprintf("configs of %v: %q", r, img.Configs(r)))
		}
	}
	return lines
}

func testRoundTrip(t *testing.T, c Cluster) {
	ctx, s := Context(t), store.New(c(t))
	term, _ := elect(t, ctx, s, 1)
	img := must[*metadata.Image](t)(propose(ctx, s, term, metadata.Empty(), everything()...))
	loaded := must[*metadata.Image](t)(s.Load(ctx))
	Same(t, loaded, img)
	if loaded.ControllerID != 1 || loaded.ControllerEpoch != term.Epoch || loaded.Revision < img.Revision {
		t.Fatalf("controller %d in epoch %d at revision %d; term %+v, stored at %d", loaded.ControllerID, loaded.ControllerEpoch, loaded.Revision, term, img.Revision)
	}
}

// testFollow changes the metadata in steps. A follower of the watch must have the writer's image after each of them, and
// so must a loader.
func testFollow(t *testing.T, c Cluster) {
	ctx, writer, reader := Context(t), store.New(c(t)), store.New(c(t))
	term, _ := elect(t, ctx, writer, 1)
	big, leader, value := metadata.UUID{0, 0, 1, 1}, int32(2), "v"
	one := metadata.Partition{Leader: 1, Replicas: []int32{1}, ISR: []int32{1}}
	grow := []metadata.Record{}
	for p := int32(300); p < 400; p++ {
		grow = append(grow, metadata.PartitionRecord{TopicID: big, PartitionID: p, Partition: one})
	}
	steps := [][]metadata.Record{
		everything(),
		{metadata.PartitionChangeRecord{TopicID: big, PartitionID: 0, Leader: &leader}, metadata.PartitionChangeRecord{TopicID: big, PartitionID: 299, ISR: []int32{2}}},
		{metadata.PartitionChangeRecord{TopicID: big, PartitionID: 200, Leader: &leader}},
		grow,
		{metadata.ConfigRecord{Resource: metadata.TopicResource("big"), Name: "more", Value: &value}, metadata.ConfigRecord{Resource: metadata.BrokerResource(1), Name: "a"}},
		{metadata.RemoveTopicRecord{TopicID: big}, metadata.TopicRecord{Name: "big", TopicID: metadata.UUID{5}}, metadata.PartitionRecord{TopicID: metadata.UUID{5}, Partition: one},
			metadata.ConfigRecord{Resource: metadata.TopicResource("big"), Name: "other", Value: &value}},
		{metadata.UnregisterBrokerRecord{BrokerID: 1, BrokerEpoch: 9}, metadata.FeatureLevelRecord{Name: "metadata.version"}, metadata.ProducerIDsRecord{NextProducerID: 6000}},
		{metadata.RemoveTopicRecord{TopicID: metadata.UUID{5}}},
	}
	img := must[*metadata.Image](t)(reader.Load(ctx))
	follower := img
	for i, records := range steps {
		img = must[*metadata.Image](t)(propose(ctx, writer, term, img, records...))
		follower = follow(t, ctx, reader, follower, img.Revision)
		t.Logf("step %d", i)
		Same(t, follower, img)
		Same(t, must[*metadata.Image](t)(reader.Load(ctx)), img)
	}
}

func follow(t testing.TB, ctx context.Context, s *store.Store, from *metadata.Image, until int64) *metadata.Image {
	t.Helper()
	done := errors.New("done")
	err := s.Watch(ctx, from.Revision, func(revision int64, records []metadata.Record) error {
		next, _, err := from.Apply(revision, records...)
		if err != nil {
			return err
		}
		from = next
		if revision >= until {
			return done
		}
		return nil
	})
	if !errors.Is(err, done) {
		t.Fatal(err)
	}
	return from
}

func testManyTopics(t *testing.T, c Cluster) {
	ctx, s := Context(t), store.New(c(t))
	term, _ := elect(t, ctx, s, 1)
	var records []metadata.Record
	for i := range 1000 {
		records = append(records, Topic(fmt.Sprintf("topic-%d", i), i, 1+i%3, 1)...)
	}
	records = append(records, Topic("large", 5000, 8000, 2)...)
	start := must[*metadata.Image](t)(s.Load(ctx))
	img := must[*metadata.Image](t)(propose(ctx, s, term, start, records...))
	Same(t, must[*metadata.Image](t)(s.Load(ctx)), img)
	Same(t, follow(t, ctx, s, start, img.Revision), img)
}
