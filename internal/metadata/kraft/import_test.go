package kraft

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/metadata"
)

// replayed returns the state after records.
func replayed(t *testing.T, records ...Record) *State {
	t.Helper()
	s := NewState()
	for i, r := range records {
		if err := s.Replay(r); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	return s
}

// imaged returns the image that an import makes.
func imaged(t *testing.T, s *State, n Node) (*metadata.Image, *Import) {
	t.Helper()
	im, err := s.Import(n)
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := metadata.Empty().Apply(1, im.Records...)
	if err != nil {
		t.Fatal(err)
	}
	return img, im
}

func TestImport(t *testing.T) {
	dir, other := id(100), id(101)
	s := replayed(t, level(30), &FeatureLevelRecord{Name: "share.version", FeatureLevel: 1}, &FeatureLevelRecord{Name: "transaction.version", FeatureLevel: 2},
		topic("a", 1), partition(1, 0, []int32{1}, []int32{1}, dir),
		topic("b", 2), partition(2, 0, []int32{2, 1}, []int32{1}, other, dir), partition(2, 1, []int32{2, 3}, []int32{2}, other, other), partition(2, 2, []int32{1, 2}, []int32{2}, dir, other),
		&ConfigRecord{ResourceType: 2, ResourceName: "a", Name: "x", Value: text("1")}, &ConfigRecord{ResourceType: 4, Name: "y", Value: text("")},
		&ConfigRecord{ResourceType: 32, ResourceName: "g", Name: "z", Value: text("2")}, &ConfigRecord{ResourceType: 16, ResourceName: "m", Name: "w", Value: text("3")},
		&ProducerIDsRecord{NextProducerID: 7000}, &AccessControlEntryRecord{ID: id(9)}, &RegisterBrokerRecord{BrokerID: 1})
	n := Node{ID: 1, Directories: map[metadata.UUID]bool{dir: true}, Placed: map[TopicPartition]metadata.UUID{{"a", 0}: dir, {"b", 0}: dir}}
	img, im := imaged(t, s, n)

	a := img.Topic("a")
	want := metadata.Partition{Leader: metadata.NoLeader, LeaderEpoch: 5, PartitionEpoch: 9, Replicas: []int32{1}, ISR: []int32{1}, Directories: []metadata.UUID{dir}}
	if a == nil || a.ID != id(1) || !a.Partitions[0].Equal(&want) {
		t.Errorf("a: %+v, want %+v", a, want)
	}
	if got := img.Partition("b", 0); !slices.Equal(got.ISR, []int32{1}) || !slices.Equal(got.Directories, []metadata.UUID{other, dir}) {
		t.Errorf("b-0: %+v", got)
	}
	if !reflect.DeepEqual(im.Elsewhere, []TopicPartition{{"b", 1}}) || !reflect.DeepEqual(im.OutOfSync, []TopicPartition{{"b", 2}}) || !reflect.DeepEqual(im.Missing, []TopicPartition{{"b", 2}}) {
		t.Errorf("elsewhere %v, out of sync %v, missing %v", im.Elsewhere, im.OutOfSync, im.Missing)
	}
	for _, unserved := range []int32{1, 2} {
		if p := img.Partition("b", unserved); p.InSync(1) || p.Leader != metadata.NoLeader {
			t.Errorf("b-%d would be led: %+v", unserved, p)
		}
	}
	if im.Topics != 2 || im.Partitions != 4 || im.Configs != 4 || im.ACLs != 1 || !slices.Equal(im.Features, []string{"share.version=1"}) {
		t.Errorf("%+v", im)
	}
	if img.NextProducerID != 7000 || img.Features["transaction.version"] != 2 || img.Features["share.version"] != 0 || img.Features[metadata.MetadataVersion] != 30 {
		t.Errorf("next producer id %d, features %v", img.NextProducerID, img.Features)
	}
	for _, r := range []metadata.Resource{metadata.TopicResource("a"), metadata.DefaultBrokerResource, {Type: metadata.ResourceGroup, Name: "g"}, {Type: metadata.ResourceClientMetrics, Name: "m"}} {
		if len(img.Configs(r)) != 1 {
			t.Errorf("configs of %v: %v", r, img.Configs(r))
		}
	}
	if img.ClusterID != "" {
		t.Error("the cluster's id is not the import's to store")
	}
}

func TestImportRefusesADirectoryThatIsNotThere(t *testing.T) {
	dir, gone := id(100), id(101)
	n := Node{ID: 1, Directories: map[metadata.UUID]bool{dir: true}, Placed: map[TopicPartition]metadata.UUID{{"a", 0}: dir}}
	for _, test := range []struct {
		at   metadata.UUID
		want string
	}{{gone, gone.String()}, {directoryLost, "went offline"}, {dir, ""}, {metadata.UUID{}, ""}, {metadata.UUID{15: 2}, ""}} {
		s := replayed(t, level(30), topic("a", 1), partition(1, 0, []int32{1}, []int32{1}, gone), partition(1, 1, []int32{1}, []int32{1}, test.at))
		im, err := s.Import(n)
		if test.want == "" {
			if err != nil || len(im.Missing) != 1 {
				t.Errorf("%s: %+v, %v", test.at, im, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "a-1") {
			t.Errorf("%s: %v", test.at, err)
		}
	}
	s := replayed(t, level(31))
	if _, err := s.Import(n); err == nil || !strings.Contains(err.Error(), "metadata.version 31") {
		t.Errorf("a newer metadata.version: %v", err)
	}
}

// The only replica is what there is, even where KIP-966 moved it out of the in-sync replicas when the broker stopped.
func TestImportOfABrokerThatStopped(t *testing.T) {
	p := partition(1, 0, []int32{1}, []int32{1})
	s := replayed(t, level(30), topic("a", 1), p,
		&PartitionChangeRecord{TopicID: id(1), ISR: []int32{}, Leader: -1, EligibleLeaderReplicas: []int32{1}, LastKnownELR: []int32{1}, LeaderRecoveryState: noRecoveryChange})
	img, _ := imaged(t, s, Node{ID: 1})
	got := img.Partition("a", 0)
	if !slices.Equal(got.ISR, []int32{1}) || len(got.ELR())+len(got.LastKnownELR()) > 0 || got.LeaderEpoch != 6 || got.PartitionEpoch != 10 {
		t.Fatalf("%+v", got)
	}
}

func TestReplayRefusesWhatDoesNotFit(t *testing.T) {
	base := func() []Record { // a state keeps and changes its records
		return []Record{level(30), topic("a", 1), partition(1, 0, []int32{1}, []int32{1}, id(100))}
	}
	for name, r := range map[string]Record{
		"a name twice": topic("a", 2), "an id twice": topic("b", 1), "removal of no topic": &RemoveTopicRecord{TopicID: id(3)},
		"partition of no topic": partition(3, 0, []int32{1}, []int32{1}), "partition -1": partition(1, -1, []int32{1}, []int32{1}), "partition too high": partition(1, maxPartitions, []int32{1}, []int32{1}),
		"directories and replicas": partition(1, 1, []int32{1, 2}, []int32{1}, id(100)), "change of no partition": &PartitionChangeRecord{TopicID: id(1), PartitionID: 7},
		"change of directories": &PartitionChangeRecord{TopicID: id(1), Leader: noLeaderChange, LeaderRecoveryState: noRecoveryChange, Directories: []metadata.UUID{id(1), id(2)}},
		"a transaction's mark":  &EndTransactionRecord{}, "clear of no topic": &ClearELRRecord{TopicName: "b"},
	} {
		if err := replayed(t, base()...).Replay(r); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s := replayed(t, append(base(), partition(1, 2, []int32{1}, []int32{1}))...)
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "lacks partition 1 of 2") {
		t.Errorf("a gap between partitions: %v", err)
	}
}

func TestReplayOfWhatIsKept(t *testing.T) {
	quota := func(remove bool, entity ...EntityData) Record {
		return &ClientQuotaRecord{Entity: entity, Key: "k", Value: 1, Remove: remove}
	}
	user, client := EntityData{EntityType: "user", EntityName: text("u")}, EntityData{EntityType: "client-id"}
	s := replayed(t, level(30), topic("a", 1), partition(1, 0, []int32{1}, []int32{1}), &ConfigRecord{ResourceType: 2, ResourceName: "a", Name: "x", Value: text("1")},
		&RemoveTopicRecord{TopicID: id(1)}, topic("a", 2), partition(2, 0, []int32{1}, []int32{1}),
		&ConfigRecord{ResourceType: 4, ResourceName: "1", Name: "x", Value: text("1")}, &ConfigRecord{ResourceType: 4, ResourceName: "1", Name: "x"},
		quota(false, user, client), quota(false, user), quota(true, client, user),
		&UserScramCredentialRecord{Name: "u", Mechanism: 1}, &UserScramCredentialRecord{Name: "u", Mechanism: 2}, &RemoveUserScramCredentialRecord{Name: "u", Mechanism: 1},
		&DelegationTokenRecord{TokenID: "t"}, &RemoveDelegationTokenRecord{TokenID: "t"}, &AccessControlEntryRecord{ID: id(1)}, &RemoveAccessControlEntryRecord{ID: id(1)},
		&RegisterBrokerRecord{BrokerID: 1}, &RegisterBrokerRecord{BrokerID: 2}, &UnregisterBrokerRecord{BrokerID: 2}, &BrokerRegistrationChangeRecord{BrokerID: 1, LogDirs: []metadata.UUID{id(1)}},
		&FeatureLevelRecord{Name: "f", FeatureLevel: 1}, &FeatureLevelRecord{Name: "f"}, &ProducerIDsRecord{NextProducerID: 5000}, &NoOpRecord{}, &ZKMigrationStateRecord{})
	counts := fmt.Sprint(len(s.Topics), len(s.Configs), len(s.Quotas), len(s.Credentials), len(s.Tokens), len(s.ACLs), len(s.Brokers), len(s.Features), len(s.Brokers[1].LogDirs), s.NextProducerID)
	if counts != "1 0 1 1 0 0 1 1 1 5000" || s.Topic("a").ID != id(2) {
		t.Fatalf("topics, configs, quotas, credentials, tokens, ACLs, brokers, features, directories, producer ids: %s", counts)
	}
}

// From Kafka to Ottla and back: nothing is lost, whether Ottla has a use for it or not.
func TestExportKeepsEverything(t *testing.T) {
	before := read(t, fixture(t))
	dir := before.State.Brokers[1].LogDirs[0]
	n := Node{ID: 1, Directories: map[metadata.UUID]bool{dir: true}, Placed: map[TopicPartition]metadata.UUID{}}
	for _, topic := range before.State.Topics {
		for i := range topic.Partitions {
			n.Placed[TopicPartition{topic.Name, i}] = dir
		}
	}
	img, _ := imaged(t, before.State, n)
	l := Export(img, n, before, map[string]int16{"group.version": 7})
	if l.End != before.End+1 || l.Epoch != before.Epoch {
		t.Errorf("the snapshot is of offset %d, epoch %d; the log before it ends at %d in epoch %d", l.End, l.Epoch, before.End, before.Epoch)
	}
	data, err := l.AppendSnapshot(nil, time.UnixMilli(1))
	if err != nil {
		t.Fatal(err)
	}
	files := fixture(t)
	files[SnapshotID{l.End, l.Epoch}.FileName()] = files[fixtureNewest]
	files[SnapshotID{l.End, l.Epoch}.FileName()].Data = data
	after := read(t, files)
	if got, want := tell(after.State), tell(before.State); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if len(after.State.Credentials) != 2 || after.State.NextProducerID != before.State.NextProducerID || after.End != l.End {
		t.Errorf("%d credentials, next producer id %d, end %d", len(after.State.Credentials), after.State.NextProducerID, after.End)
	}
	for id, topic := range before.State.Topics {
		for i, p := range topic.Partitions {
			q := after.State.Topics[id].Partitions[i]
			if q.LeaderEpoch < p.LeaderEpoch || q.PartitionEpoch < p.PartitionEpoch || !slices.Equal(q.ISR, []int32{1}) || !slices.Equal(q.Directories, []metadata.UUID{dir}) {
				t.Errorf("%s-%d: %+v before, %+v after", topic.Name, i, p, q)
			}
		}
	}
	if b := after.State.Brokers[1]; b == nil || b.BrokerEpoch != unknownEpoch || !slices.Equal(b.LogDirs, []metadata.UUID{dir}) {
		t.Errorf("the broker: %+v", b)
	}
}

func TestExportOfANodeThatKafkaNeverSaw(t *testing.T) {
	dir := id(100)
	img, _, err := metadata.Empty().Apply(1, metadata.ClusterRecord{ClusterID: "c"}, metadata.FeatureLevelRecord{Name: metadata.MetadataVersion, Level: 30},
		metadata.TopicRecord{Name: "a", TopicID: id(1)},
		metadata.PartitionRecord{TopicID: id(1), Partition: metadata.Partition{Leader: 1, LeaderEpoch: 3, Replicas: []int32{1}, ISR: []int32{1}, Directories: []metadata.UUID{id(55)}}})
	if err != nil {
		t.Fatal(err)
	}
	l := Export(img, Node{ID: 1, Directories: map[metadata.UUID]bool{dir: true}}, nil, map[string]int16{"group.version": 1, "transaction.version": 2})
	p := l.State.Topic("a").Partitions[0]
	if p.Leader != 1 || p.LeaderEpoch != 3 || p.Directories[0] != (metadata.UUID{}) {
		t.Errorf("%+v: a directory that is not there is left to the broker", p)
	}
	if l.End != 1 || l.Epoch != 1 || l.State.Features["group.version"] != 1 || l.State.Features["transaction.version"] != 0 {
		t.Errorf("offset %d, epoch %d, features %v", l.End, l.Epoch, l.State.Features)
	}
}
