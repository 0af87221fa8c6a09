package service

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/memlog"
	"ottla.dev/ottla/internal/coordinator/scripttest"
	"ottla.dev/ottla/internal/protocol"
)

// catalog is the topics that exist: two partitions each.
type catalog []string

func (c catalog) id(name string) (id [16]byte) {
	for i, n := range c {
		if n == name {
			binary.BigEndian.PutUint32(id[12:], uint32(i+1))
		}
	}
	return id
}

func (c catalog) TopicName(id [16]byte) (string, bool) {
	for _, name := range c {
		if c.id(name) == id {
			return name, true
		}
	}
	return "", false
}

func (c catalog) TopicID(name string) ([16]byte, bool) {
	id := c.id(name)
	return id, id != [16]byte{}
}

func (c catalog) HasPartition(name string, partition int32) bool {
	_, ok := c.TopicID(name)
	return ok && partition >= 0 && partition < 2
}

const partitions = 4

// bench is a service with all partitions led.
type bench struct {
	*Service
	t     *testing.T
	clock *clock.Fake
	logs  [partitions]*memlog.Log
	loads []func() // held back loads
	hold  bool
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, clock: clock.NewFake(time.UnixMilli(1_000_000))}
	ids := 0
	config := group.DefaultConfig()
	config.InitialRebalanceDelayMs = 0
	b.Service = New(Options{
		Clock: b.clock, Logger: slog.New(slog.DiscardHandler),
		Config: func() group.Config { return config },
		Topics: catalog{"t", "u"}, PartitionCount: func() int32 { return partitions },
		NewUUID: func() string { ids++; return fmt.Sprint(ids) },
		Go: func(task func()) {
			if b.hold {
				b.loads = append(b.loads, task)
				return
			}
			task()
		},
	})
	for p := range b.logs {
		b.logs[p] = &memlog.Log{}
		b.OnPartitionLeader(int32(p), 1, b.logs[p])
	}
	return b
}

// ask sends a request as a connection would, and returns its only answer as the client would read it.
func ask[Req kmsg.Request, Resp kmsg.Response](b *bench, call func(group.RequestContext, Req, func(Resp)), req Req) Resp {
	b.t.Helper()
	answered := scripttest.Ask(b.t, func(req Req, reply func(Resp)) {
		call(group.RequestContext{ClientID: "client", ClientHost: "/127.0.0.1"}, req, reply)
	}, req)
	b.clock.Advance(0)
	answer, ok := answered()
	if !ok {
		b.t.Fatalf("%T was not answered", req)
	}
	return answer
}

func (b *bench) want(code int16, want protocol.Code) {
	b.t.Helper()
	if protocol.Code(code) != want {
		b.t.Fatalf("got %s, want %s", protocol.Code(code).Name(), want.Name())
	}
}

func joinRequest(version int16, groupID string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group = version, groupID
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 10_000, 20_000
	req.ProtocolType = "consumer"
	metadata := kmsg.ConsumerMemberMetadata{Topics: []string{"t"}}
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: metadata.AppendTo(nil)}}
	return req
}

// TestOneMemberInEveryVersion takes a member through its life with each version of each request.
func TestOneMemberInEveryVersion(t *testing.T) {
	for version := range int16(10) {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			b := newBench(t)
			join := joinRequest(version, "g")
			joined := ask(b, b.JoinGroup, join)
			if version >= 4 {
				b.want(joined.ErrorCode, protocol.MemberIDRequired)
				join.MemberID = joined.MemberID
				joined = ask(b, b.JoinGroup, join)
			}
			b.want(joined.ErrorCode, protocol.None)
			if joined.MemberID != "client-1" || joined.LeaderID != "client-1" || joined.Generation != 1 || *joined.Protocol != "range" || len(joined.Members) != 1 {
				t.Fatalf("joined: %+v", joined)
			}

			sync := kmsg.NewPtrSyncGroupRequest()
			sync.Version = min(version, 5)
			sync.Group, sync.MemberID, sync.Generation = "g", joined.MemberID, 1
			sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: joined.MemberID, MemberAssignment: []byte("all")}}
			if sync.Version == 5 {
				b.want(ask(b, b.SyncGroup, sync).ErrorCode, protocol.InconsistentGroupProtocol) // must name the protocol
				sync.ProtocolType, sync.Protocol = &join.ProtocolType, joined.Protocol
			}
			synced := ask(b, b.SyncGroup, sync)
			b.want(synced.ErrorCode, protocol.None)
			if string(synced.MemberAssignment) != "all" {
				t.Fatalf("assignment %q", synced.MemberAssignment)
			}

			heartbeat := kmsg.NewPtrHeartbeatRequest()
			heartbeat.Version = min(version, 4)
			heartbeat.Group, heartbeat.MemberID, heartbeat.Generation = "g", joined.MemberID, 1
			b.want(ask(b, b.Heartbeat, heartbeat).ErrorCode, protocol.None)

			describe := kmsg.NewPtrDescribeGroupsRequest()
			describe.Version, describe.Groups = min(version, 6), []string{"g", "nowhere"}
			described := ask(b, b.DescribeGroups, describe)
			if g := described.Groups[0]; g.State != "Stable" || g.Protocol != "range" || len(g.Members) != 1 || g.Members[0].ClientHost != "/127.0.0.1" || g.AuthorizedOperations != -1<<31 {
				t.Fatalf("described %+v", g)
			}
			if g := described.Groups[1]; g.State != "Dead" || (g.ErrorCode != 0) != (version >= 6) {
				t.Fatalf("described %+v", g)
			}

			leave := kmsg.NewPtrLeaveGroupRequest()
			leave.Version = min(version, 5)
			leave.Group, leave.MemberID = "g", joined.MemberID
			leave.Members = []kmsg.LeaveGroupRequestMember{{MemberID: joined.MemberID}}
			b.want(ask(b, b.LeaveGroup, leave).ErrorCode, protocol.None)

			list := kmsg.NewPtrListGroupsRequest()
			list.Version = min(version, 5)
			listed := ask(b, b.ListGroups, list)
			if len(listed.Groups) != 1 || listed.Groups[0].Group != "g" || listed.Groups[0].ProtocolType != "consumer" {
				t.Fatalf("listed %+v", listed.Groups)
			}
			if version >= 5 && (listed.Groups[0].GroupType != "classic" || listed.Groups[0].GroupState != "Empty") {
				t.Fatalf("listed %+v", listed.Groups)
			}

			remove := kmsg.NewPtrDeleteGroupsRequest()
			remove.Version, remove.Groups = min(version, 2), []string{"g", "nowhere", "g"}
			removed := ask(b, b.DeleteGroups, remove)
			if len(removed.Groups) != 2 {
				t.Fatalf("removed %+v", removed.Groups)
			}
			for _, g := range removed.Groups {
				want := protocol.None
				if g.Group == "nowhere" {
					want = protocol.GroupIDNotFound
				}
				b.want(g.ErrorCode, want)
			}
		})
	}
}

func commitRequest(version int16, groupID string) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group = version, groupID
	for _, name := range []string{"t", "nowhere"} {
		topic := kmsg.NewOffsetCommitRequestTopic()
		if version < 10 {
			topic.Topic = name
		} else {
			topic.TopicID = catalog{"t", "u"}.id(name)
			if name == "nowhere" {
				topic.TopicID[0] = 9
			}
		}
		for _, partition := range []int32{1, 7} {
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			note := "note"
			p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = partition, 42, 3, &note
			topic.Partitions = append(topic.Partitions, p)
		}
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func TestOffsetsInEveryVersion(t *testing.T) {
	for version := int16(1); version <= 10; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			b := newBench(t)
			commit := commitRequest(max(version, 2), "g")
			committed := ask(b, b.OffsetCommit, commit)
			var got []string
			for _, topic := range committed.Topics {
				for _, p := range topic.Partitions {
					got = append(got, fmt.Sprintf("%s/%d=%s", topic.Topic, p.Partition, protocol.Code(p.ErrorCode).Name()))
				}
			}
			want := "t/7=UNKNOWN_TOPIC_OR_PARTITION t/1=NONE nowhere/1=UNKNOWN_TOPIC_OR_PARTITION nowhere/7=UNKNOWN_TOPIC_OR_PARTITION"
			if version >= 10 {
				want = "/7=UNKNOWN_TOPIC_OR_PARTITION /1=NONE /1=UNKNOWN_TOPIC_ID /7=UNKNOWN_TOPIC_ID"
			}
			if !sameWords(strings.Join(got, " "), want) {
				t.Fatalf("committed %s\nwant      %s", strings.Join(got, " "), want)
			}
			for _, all := range []bool{false, true} {
				if all && version < 2 {
					continue
				}
				b.checkFetch(version, all)
			}
		})
	}
}

func sameWords(a, b string) bool {
	count := make(map[string]int)
	for _, w := range strings.Fields(a) {
		count[w]++
	}
	for _, w := range strings.Fields(b) {
		count[w]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// checkFetch fetches partitions 1 and 0 of t, and where that can be asked for an unknown topic; or all.
func (b *bench) checkFetch(version int16, all bool) {
	b.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.Group, req.RequireStable = version, "g", version >= 7
	asked := kmsg.NewOffsetFetchRequestGroup()
	asked.Group = "g"
	if !all {
		old := kmsg.NewOffsetFetchRequestTopic()
		old.Topic, old.Partitions = "t", []int32{1, 0}
		req.Topics = append(req.Topics, old)
		topic := kmsg.NewOffsetFetchRequestGroupTopic()
		topic.Topic, topic.TopicID, topic.Partitions = "t", catalog{"t", "u"}.id("t"), []int32{1, 0}
		unknown := kmsg.NewOffsetFetchRequestGroupTopic()
		unknown.TopicID[0], unknown.Partitions = 9, []int32{5}
		asked.Topics = append(asked.Topics, topic)
		if version >= 10 {
			asked.Topics = append(asked.Topics, unknown)
		}
	}
	nobody := kmsg.NewOffsetFetchRequestGroup()
	nobody.Group = "nobody"
	req.Groups = append(req.Groups, asked, nobody)
	resp := ask(b, b.OffsetFetch, req)
	b.want(resp.ErrorCode, protocol.None)
	var got []string
	add := func(topic string, partition int32, offset int64, epoch int32, metadata *string, code int16) {
		got = append(got, fmt.Sprintf("%s/%d=%d,%d,%s,%d", topic, partition, offset, epoch, *metadata, code))
	}
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			add(topic.Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode)
		}
	}
	for _, g := range resp.Groups {
		if g.ErrorCode != 0 || g.Group == "nobody" && len(g.Topics) > 0 {
			b.t.Fatalf("group %+v", g)
		}
		for _, topic := range g.Topics {
			for _, p := range topic.Partitions {
				name, _ := catalog{"t", "u"}.TopicName(topic.TopicID)
				add(topic.Topic+name, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode)
			}
		}
	}
	epoch := 3
	if version < 6 {
		epoch = -1 // the commit does not carry it
	}
	want := fmt.Sprintf("t/1=42,%d,note,0", epoch)
	if !all {
		want += " t/0=-1,-1,,0"
		if version >= 10 {
			want += fmt.Sprintf(" /5=-1,-1,,%d", protocol.UnknownTopicID)
		}
	}
	if strings.Join(got, " ") != want {
		b.t.Fatalf("fetched %s\nwant    %s", strings.Join(got, " "), want)
	}
}

func TestRequestsThatNeedNoShard(t *testing.T) {
	b := newBench(t)
	b.want(ask(b, b.JoinGroup, joinRequest(9, "")).ErrorCode, protocol.InvalidGroupID)
	for _, timeoutMs := range []int32{5_999, 1_800_001} {
		join := joinRequest(9, "g")
		join.SessionTimeoutMillis = timeoutMs
		b.want(ask(b, b.JoinGroup, join).ErrorCode, protocol.InvalidSessionTimeout)
	}
	b.want(ask(b, b.SyncGroup, kmsg.NewPtrSyncGroupRequest()).ErrorCode, protocol.InvalidGroupID)
	b.want(ask(b, b.Heartbeat, kmsg.NewPtrHeartbeatRequest()).ErrorCode, protocol.InvalidGroupID)
	b.want(ask(b, b.LeaveGroup, kmsg.NewPtrLeaveGroupRequest()).ErrorCode, protocol.InvalidGroupID)
	b.want(ask(b, b.OffsetDelete, kmsg.NewPtrOffsetDeleteRequest()).ErrorCode, protocol.InvalidGroupID)

	// Offsets of the empty group id are served: very old consumers commit to it.
	committed := ask(b, b.OffsetCommit, commitRequest(9, ""))
	b.want(committed.Topics[0].Partitions[1].ErrorCode, protocol.None)

	// Requests about nothing.
	if resp := ask(b, b.DescribeGroups, kmsg.NewPtrDescribeGroupsRequest()); len(resp.Groups) != 0 {
		t.Fatalf("%+v", resp)
	}
	if resp := ask(b, b.DeleteGroups, kmsg.NewPtrDeleteGroupsRequest()); len(resp.Groups) != 0 {
		t.Fatalf("%+v", resp)
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Version = 10
	if resp := ask(b, b.OffsetFetch, fetch); len(resp.Groups) != 0 {
		t.Fatalf("%+v", resp)
	}
}

func TestOffsetDelete(t *testing.T) {
	b := newBench(t)
	ask(b, b.OffsetCommit, commitRequest(10, "g"))
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = "g"
	for _, name := range []string{"t", "nowhere"} {
		topic := kmsg.NewOffsetDeleteRequestTopic()
		topic.Topic = name
		topic.Partitions = []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 1}, {Partition: 7}}
		req.Topics = append(req.Topics, topic)
	}
	resp := ask(b, b.OffsetDelete, req)
	b.want(resp.ErrorCode, protocol.None)
	var got []string
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			got = append(got, fmt.Sprintf("%s/%d=%d", topic.Topic, p.Partition, p.ErrorCode))
		}
	}
	if want := "t/7=3 t/1=0 nowhere/1=3 nowhere/7=3"; strings.Join(got, " ") != want {
		t.Fatalf("got %v, want %s", got, want)
	}
	req.Group = "nobody"
	resp = ask(b, b.OffsetDelete, req)
	b.want(resp.ErrorCode, protocol.GroupIDNotFound)
	if len(resp.Topics) != 0 {
		t.Fatalf("an error of the group comes alone: %+v", resp.Topics)
	}
}

// everything sends one request of each kind for group g, and returns the codes by the kind.
func (b *bench) everything() map[string]protocol.Code {
	codes := make(map[string]protocol.Code)
	note := func(kind string, code int16) { codes[kind] = protocol.Code(code) }
	note("join", ask(b, b.JoinGroup, joinRequest(3, "g")).ErrorCode)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group = "g"
	note("sync", ask(b, b.SyncGroup, sync).ErrorCode)
	heartbeat := kmsg.NewPtrHeartbeatRequest()
	heartbeat.Group = "g"
	note("heartbeat", ask(b, b.Heartbeat, heartbeat).ErrorCode)
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = "g"
	note("leave", ask(b, b.LeaveGroup, leave).ErrorCode)
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = []string{"g"}
	note("describe", ask(b, b.DescribeGroups, describe).Groups[0].ErrorCode)
	note("list", ask(b, b.ListGroups, kmsg.NewPtrListGroupsRequest()).ErrorCode)
	remove := kmsg.NewPtrDeleteGroupsRequest()
	remove.Groups = []string{"g"}
	note("delete", ask(b, b.DeleteGroups, remove).Groups[0].ErrorCode)
	for _, topic := range ask(b, b.OffsetCommit, commitRequest(9, "g")).Topics {
		for _, p := range topic.Partitions {
			if topic.Topic == "t" && p.Partition == 1 {
				note("commit", p.ErrorCode)
			}
		}
	}
	note("txn commit", ask(b, b.TxnOffsetCommit, txnCommitRequest(5, "g", "t")).Topics[0].Partitions[1].ErrorCode)
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Version, fetch.Groups = 9, []kmsg.OffsetFetchRequestGroup{{Group: "g"}}
	note("fetch", ask(b, b.OffsetFetch, fetch).Groups[0].ErrorCode)
	offsetDelete := kmsg.NewPtrOffsetDeleteRequest()
	offsetDelete.Group = "g"
	note("offset delete", ask(b, b.OffsetDelete, offsetDelete).ErrorCode)
	return codes
}

func (b *bench) wantEverything(want protocol.Code, except map[string]protocol.Code) {
	b.t.Helper()
	for kind, got := range b.everything() {
		expected := want
		if code, ok := except[kind]; ok {
			expected = code
		}
		if got != expected {
			b.t.Errorf("%s was answered %s, want %s", kind, got.Name(), expected.Name())
		}
	}
}

func TestPartitionsThatAreNotServed(t *testing.T) {
	b := newBench(t)
	partition := b.PartitionFor("g")
	b.OnPartitionLost(partition, 2)
	b.wantEverything(protocol.NotCoordinator, map[string]protocol.Code{"list": protocol.None})

	b.hold = true
	b.OnPartitionLeader(partition, 3, b.logs[partition])
	// A member that heartbeats while its group is being loaded must not be told to leave.
	b.wantEverything(protocol.CoordinatorLoadInProgress, map[string]protocol.Code{"heartbeat": protocol.None})
	b.loads[0]()
	b.want(ask(b, b.ListGroups, kmsg.NewPtrListGroupsRequest()).ErrorCode, protocol.None)

	b.Close()
	b.OnPartitionLeader(partition, 9, b.logs[partition])
	b.wantEverything(protocol.CoordinatorNotAvailable, nil)
}

// TestRestart loads the groups and offsets of one service in another.
func TestRestart(t *testing.T) {
	b := newBench(t)
	for i := range 20 {
		groupID := fmt.Sprint("group-", i)
		ask(b, b.OffsetCommit, commitRequest(10, groupID))
		ask(b, b.JoinGroup, joinRequest(3, groupID))
	}
	listed := ask(b, b.ListGroups, kmsg.NewPtrListGroupsRequest())
	next := newBench(t)
	for p := range next.logs {
		next.OnPartitionLost(int32(p), 2)
		next.OnPartitionLeader(int32(p), 3, b.logs[p].Clone())
	}
	again := ask(next, next.ListGroups, kmsg.NewPtrListGroupsRequest())
	if len(listed.Groups) != 20 || len(again.Groups) != 20 {
		t.Fatalf("%d groups before, %d after", len(listed.Groups), len(again.Groups))
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Version, fetch.Groups = 9, []kmsg.OffsetFetchRequestGroup{{Group: "group-7"}}
	if resp := ask(next, next.OffsetFetch, fetch); resp.Groups[0].Topics[0].Partitions[0].Offset != 42 {
		t.Fatalf("%+v", resp)
	}

	next.OnTopicsDeleted([]group.DeletedTopic{{Name: "t", ID: catalog{"t", "u"}.id("t")}})
	if resp := ask(next, next.OffsetFetch, fetch); len(resp.Groups[0].Topics) != 0 {
		t.Fatalf("offsets of a deleted topic: %+v", resp)
	}
}
