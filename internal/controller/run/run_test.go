package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/metadata/store/storetest"
	"ottla.dev/ottla/internal/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a Run with its own client of a store in memory.
type node struct {
	*Run
	t     *testing.T
	store *store.Store
	epoch int64 // of its broker
}

func startNode(t *testing.T, m *store.Memory, id int32, change func(*Options)) *node {
	t.Helper()
	snapshot, _, err := config.Load(config.LoadOptions{Fallback: config.Standalone("/tmp/none")})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Store: store.New(m.Client(int(id))), NodeID: id, Config: func() *config.Snapshot { return snapshot },
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&o)
	}
	r, err := Start(storetest.Context(t), o)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Run: r, t: t, store: o.Store}
	t.Cleanup(n.stop)
	return n
}

func (n *node) stop() {
	n.t.Helper()
	if err := errors.Join(n.Close(), n.store.Close()); err != nil {
		n.t.Error(err)
	}
}

func (n *node) wait(ok func(*metadata.Image) bool) *metadata.Image {
	n.t.Helper()
	img, err := n.Wait(storetest.Context(n.t), ok)
	if err != nil {
		n.t.Fatal(err)
	}
	return img
}

// join registers and unfences the node's broker.
func (n *node) join(incarnation byte) {
	n.t.Helper()
	img := n.wait(func(img *metadata.Image) bool { return img.ClusterID != "" })
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.BrokerID, req.ClusterID, req.IncarnationID = n.o.NodeID, img.ClusterID, metadata.UUID{incarnation}
	req.LogDirs = [][16]byte{{byte(n.o.NodeID), 1}}
	for _, f := range metadata.Features() {
		one := kmsg.NewBrokerRegistrationRequestFeature()
		one.Name, one.MinSupportedVersion, one.MaxSupportedVersion = f.Name, f.Range.Min, f.Range.Max
		req.Features = append(req.Features, one)
	}
	resp := n.RegisterBroker(storetest.Context(n.t), req)
	if resp.ErrorCode != 0 {
		n.t.Fatalf("registration: %v", protocol.Code(resp.ErrorCode))
	}
	n.epoch = resp.BrokerEpoch
	beat := kmsg.NewPtrBrokerHeartbeatRequest()
	beat.BrokerID, beat.BrokerEpoch, beat.CurrentMetadataOffset = n.o.NodeID, n.epoch, n.Image().Revision
	if resp := n.BrokerHeartbeat(storetest.Context(n.t), beat); resp.ErrorCode != 0 || resp.IsFenced {
		n.t.Fatalf("heartbeat: %+v", resp)
	}
}

func (n *node) create(names ...string) []protocol.Code {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 20_000
	for _, name := range names {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = name, 1, 1
		req.Topics = append(req.Topics, t)
	}
	var codes []protocol.Code
	for _, t := range n.CreateTopics(context.Background(), controller.Caller{}, req).Topics {
		codes = append(codes, protocol.Code(t.ErrorCode))
	}
	return codes
}

func (n *node) mustCreate(names ...string) {
	n.t.Helper()
	for i, c := range n.create(names...) {
		if c != protocol.None {
			n.t.Fatalf("create %s: %v", names[i], c)
		}
	}
}

func TestFreshClusterAndRestart(t *testing.T) {
	m := store.NewMemory()
	n := startNode(t, m, 1, nil)
	n.join(1)
	img := n.Image()
	if img.ControllerID != 1 || !n.IsController() || len(img.ClusterID) != 22 || img.Features[metadata.MetadataVersion] != metadata.LatestMetadataVersion || !img.BrokerActive(1) {
		t.Fatalf("fresh image %+v", img)
	}
	n.mustCreate("a", "b")
	n.stop()

	again := startNode(t, m, 1, func(o *Options) { o.ClusterID = img.ClusterID })
	again.join(2)
	if now := again.Image(); now.NumTopics() != 2 || now.ClusterID != img.ClusterID || now.Partition("a", 0).LeaderEpoch != 1 || again.epoch <= n.epoch {
		t.Fatalf("image after the restart %+v", now)
	}
}

func TestOtherClustersIDIsRefused(t *testing.T) {
	m := store.NewMemory()
	startNode(t, m, 1, nil).join(1)
	_, err := Start(storetest.Context(t), Options{Store: store.New(m.Client(2)), NodeID: 2, ClusterID: "another"})
	if protocol.CodeOf(err) != protocol.InconsistentClusterID {
		t.Fatalf("a node of another cluster started: %v", err)
	}
}

func TestSubscribersComeBeforeTheAnswer(t *testing.T) {
	n := startNode(t, store.NewMemory(), 1, nil)
	n.join(1)
	n.mustCreate("old")
	var told []string
	cancel := n.Subscribe(func(old, new *metadata.Image, delta *metadata.Delta) {
		for _, topic := range delta.Created {
			told = append(told, topic.Name)
			if n.Image().Topic(topic.Name) != nil && topic.Name != "old" {
				t.Errorf("%s was shown before its subscriber was told", topic.Name)
			}
		}
		for _, topic := range delta.Deleted {
			told = append(told, "-"+topic.Name)
		}
	})
	n.mustCreate("new")
	if fmt.Sprint(told) != "[old new]" || n.Image().Topic("new") == nil {
		t.Fatalf("told %v when the request was answered", told)
	}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TimeoutMillis, req.TopicNames = 5, 10_000, []string{"old"}
	if resp := n.DeleteTopics(context.Background(), controller.Caller{}, req); resp.Topics[0].ErrorCode != 0 || fmt.Sprint(told) != "[old new -old]" {
		t.Fatalf("deleted %+v, told %v", resp.Topics, told)
	}
	cancel()
	n.mustCreate("later")
	if len(told) != 3 {
		t.Fatalf("told %v after the end of the subscription", told)
	}
}

func TestOnlyTheControllerDecides(t *testing.T) {
	m := store.NewMemory()
	one := startNode(t, m, 1, nil)
	one.join(1)
	two := startNode(t, m, 2, nil)
	two.wait(func(img *metadata.Image) bool { return img.ControllerID == 1 })
	if got := two.create("x"); got[0] != protocol.NotController {
		t.Fatalf("a node that is not the controller answered %v", got)
	}
	one.mustCreate("a")
	one.stop()
	two.wait(func(img *metadata.Image) bool { return img.ControllerID == 2 })
	two.mustCreate("b")
	if got := two.create("a"); got[0] != protocol.TopicAlreadyExists {
		t.Fatalf("the next controller does not know the topic of the first: %v", got)
	}
}

func TestLostLeaseIsReplaced(t *testing.T) {
	m := store.NewMemory()
	n := startNode(t, m, 1, nil)
	n.join(1)
	before := n.Image().ControllerEpoch
	n.mu.Lock()
	lease := n.lease.ID()
	n.mu.Unlock()
	m.Expire(lease)
	n.wait(func(img *metadata.Image) bool {
		return img.ControllerID == 1 && img.ControllerEpoch > before && img.Present[1] == metadata.UUID{1}
	})
	n.mustCreate("a")
}

func TestLostAnswerOfTheStore(t *testing.T) {
	m := store.NewMemory()
	n := startNode(t, m, 1, nil)
	n.join(1)
	for _, before := range []bool{true, false} {
		name := fmt.Sprint("before-", before)
		var once atomic.Bool
		m.SetFault(func(_ int, operation string, now bool) error {
			if operation == "commit" && now == before && once.CompareAndSwap(false, true) {
				return errors.New("connection lost")
			}
			return nil
		})
		if got := n.create(name); got[0] != protocol.RequestTimedOut {
			t.Fatalf("%s: answered %v without knowing", name, got)
		}
		want := protocol.None
		if !before {
			want = protocol.TopicAlreadyExists
		}
		if got := n.create(name); got[0] != want {
			t.Fatalf("%s: the second try came to %v, want %v", name, got, want)
		}
	}
}

func TestManyRequestsAtOnce(t *testing.T) {
	m := store.NewMemory()
	n := startNode(t, m, 1, nil)
	n.join(1)
	var wg sync.WaitGroup
	var created, refused atomic.Int32
	ids := sync.Map{}
	for i := range 60 {
		wg.Go(func() {
			switch c := n.create(fmt.Sprint("topic-", i%30))[0]; c {
			case protocol.None:
				created.Add(1)
			case protocol.TopicAlreadyExists:
				refused.Add(1)
			default:
				t.Errorf("created with %v", c)
			}
			req := kmsg.NewPtrAllocateProducerIDsRequest()
			req.BrokerID, req.BrokerEpoch = 1, n.epoch
			resp := n.AllocateProducerIDs(context.Background(), req)
			if _, twice := ids.LoadOrStore(resp.ProducerIDStart, true); twice || resp.ErrorCode != 0 || resp.ProducerIDLen != 1000 {
				t.Errorf("producer ids %+v", resp)
			}
		})
	}
	wg.Wait()
	if created.Load() != 30 || refused.Load() != 30 || n.Image().NumTopics() != 30 || n.Image().NextProducerID != 60_000 {
		t.Fatalf("%d created, %d refused, %d topics, producer ids %d", created.Load(), refused.Load(), n.Image().NumTopics(), n.Image().NextProducerID)
	}
}

func TestFollowerThatFellBehindLoadsAgain(t *testing.T) {
	m := store.NewMemory()
	one := startNode(t, m, 1, nil)
	one.join(1)
	one.mustCreate("a", "b")
	two := startNode(t, m, 2, nil)
	two.wait(func(img *metadata.Image) bool { return img.Topic("b") != nil })
	hold, holding := make(chan bool), make(chan bool)
	var deltas []*metadata.Delta
	two.Subscribe(func(_, _ *metadata.Image, delta *metadata.Delta) {
		deltas = append(deltas, delta)
		if len(deltas) == 2 {
			holding <- true
			<-hold
		}
	})
	one.mustCreate("c")
	<-holding
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TimeoutMillis, req.TopicNames = 5, 10_000, []string{"a"}
	one.DeleteTopics(context.Background(), controller.Caller{}, req)
	one.mustCreate("d")
	m.Compact()
	close(hold)
	img := two.wait(func(img *metadata.Image) bool { return img.Topic("d") != nil })
	storetest.Same(t, img, one.Image())
	last := deltas[len(deltas)-1]
	if len(deltas) != 3 || len(last.Created) != 1 || len(last.Deleted) != 1 || last.Deleted[0].Name != "a" {
		t.Fatalf("the last of %d deltas is %+v", len(deltas), last)
	}
}

func TestRequestsWithoutTimeToWait(t *testing.T) {
	n := startNode(t, store.NewMemory(), 1, nil)
	n.join(1)
	req := kmsg.NewPtrCreateTopicsRequest()
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = "a", 1, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, one), 0
	if resp := n.CreateTopics(context.Background(), controller.Caller{}, req); protocol.Code(resp.Topics[0].ErrorCode) != protocol.RequestTimedOut || resp.Topics[0].ErrorMessage != nil {
		t.Fatalf("answered %+v", resp.Topics[0])
	}
	n.mustCreate("a") // nothing was created
}

func TestAlterConfigsAnswersInOrder(t *testing.T) {
	n := startNode(t, store.NewMemory(), 1, nil)
	n.join(1)
	n.mustCreate("a", "b")
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	add := func(kind kmsg.ConfigResourceType, name, key, value string) {
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kind, name
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Value = key, &value
		r.Configs = append(r.Configs, c)
		req.Resources = append(req.Resources, r)
	}
	add(kmsg.ConfigResourceTypeTopic, "a", "retention.ms", "1000")
	add(3, "x", "y", "z")
	add(kmsg.ConfigResourceTypeTopic, "none", "retention.ms", "1000")
	add(kmsg.ConfigResourceTypeTopic, "b", "retention.ms", "1")
	add(kmsg.ConfigResourceTypeTopic, "b", "retention.ms", "2")
	add(kmsg.ConfigResourceTypeBroker, "", "log.retention.ms", "7000")
	resp := n.IncrementalAlterConfigs(context.Background(), controller.Caller{}, req)
	var got []string
	for _, r := range resp.Resources {
		got = append(got, r.ResourceName+" "+protocol.Code(r.ErrorCode).Name())
	}
	want := "[a NONE x INVALID_REQUEST none UNKNOWN_TOPIC_OR_PARTITION b INVALID_REQUEST b INVALID_REQUEST  NONE]"
	if fmt.Sprint(got) != want {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	img := n.Image()
	if img.Configs(metadata.TopicResource("a"))["retention.ms"] != "1000" || img.Configs(metadata.DefaultBrokerResource)["log.retention.ms"] != "7000" {
		t.Fatal("the configs are not in the image")
	}
}

func TestCloseAnswersWhoWaits(t *testing.T) {
	m := store.NewMemory()
	m.SetFault(func(_ int, operation string, before bool) error {
		if operation == "commit" {
			return errors.New("no quorum")
		}
		return nil
	})
	n := startNode(t, m, 1, nil) // never elected
	waiting := &request{ctx: context.Background(), done: make(chan error, 1)}
	n.requests <- waiting
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting.done; protocol.CodeOf(err) != protocol.NotController {
		t.Fatalf("who waited was answered %v", err)
	}
	if got := n.create("a"); got[0] != protocol.NotController {
		t.Fatalf("who came later was answered %v", got)
	}
}

func TestDamagedMetadataStopsTheRun(t *testing.T) {
	m := store.NewMemory()
	n := startNode(t, m, 1, nil)
	n.join(1)
	if n.Err() != nil {
		t.Fatal(n.Err())
	}
	other := m.Client(2)
	defer other.Close()
	if _, err := other.Commit(context.Background(), nil, []store.Op{{Key: "brokers/1", Value: []byte("?")}}); err != nil {
		t.Fatal(err)
	}
	<-n.Done()
	if !errors.Is(n.Err(), store.ErrCorrupt) {
		t.Fatalf("stopped with %v", n.Err())
	}
	if _, err := n.Wait(context.Background(), func(*metadata.Image) bool { return false }); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("who waited got %v", err)
	}
	if got := n.create("a"); got[0] != protocol.NotController {
		t.Fatalf("a stopped controller answered %v", got)
	}
}

func TestBootstrapRecordsOfAPreparedDirectory(t *testing.T) {
	n := startNode(t, store.NewMemory(), 1, func(o *Options) {
		o.ClusterID = "prepared"
		o.Bootstrap = []metadata.Record{metadata.FeatureLevelRecord{Name: metadata.MetadataVersion, Level: 29}}
	})
	img := n.wait(func(img *metadata.Image) bool { return img.ClusterID != "" })
	if img.ClusterID != "prepared" || len(img.Features) != 1 || img.Features[metadata.MetadataVersion] != 29 {
		t.Fatalf("image %+v", img)
	}
}
