package group

import (
	"bytes"
	"flag"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// client is a consumer in the random test. It does what real ones do, and a little worse.
type client struct {
	name     string
	instance *string
	version  int16
	group    string

	memberID   string
	generation int32
	leads      bool
	members    []kmsg.JoinGroupResponseMember
	busy       bool // a JoinGroup or SyncGroup waits
	incarnate  int  // counts restarts: answers to earlier incarnations are lost
}

// crowd is clients, what they were promised, and the world they live in.
type crowd struct {
	*world
	t       *rapid.T
	clients []*client

	turn      int                          // counts lives of groups: generations may come again in the next
	protocols map[string]string            // by turn, group and generation
	acked     map[string]map[int32]int64   // committed and acknowledged, by group and partition
	sent      int64                        // offsets only grow
	assigned  map[string]map[string]string // by turn, group and generation: the leader's assignment
}

// rapidFor has rapid make so many runs of so many steps, unless its flags say otherwise.
func rapidFor(t *testing.T, checks, steps string) {
	for name, value := range map[string]string{"rapid.checks": checks, "rapid.steps": steps} {
		if f := flag.Lookup(name); f.Value.String() == f.DefValue {
			if err := flag.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRandomCrowd(t *testing.T) {
	// The interesting meetings are deep in a run.
	rapidFor(t, "300", "80")
	rapid.Check(t, func(t *rapid.T) {
		c := &crowd{
			world: newWorld(), t: t,
			protocols: make(map[string]string), acked: make(map[string]map[int32]int64),
			assigned: make(map[string]map[string]string),
		}
		c.config.InitialRebalanceDelayMs = rapid.SampledFrom([]int32{0, 500}).Draw(t, "delay")
		c.config.MaxSize = rapid.SampledFrom([]int32{2, 100}).Draw(t, "max size")
		for i := range rapid.IntRange(1, 5).Draw(t, "clients") {
			member := &client{name: fmt.Sprintf("c%d", i), group: rapid.SampledFrom([]string{"g", "h"}).Draw(t, "group"), generation: -1}
			member.version = rapid.SampledFrom([]int16{0, 3, 4, 8, 9}).Draw(t, "version")
			if member.version >= 8 && rapid.Bool().Draw(t, "static") {
				instance := "i" + member.name
				member.instance = &instance
			}
			c.clients = append(c.clients, member)
		}
		t.Repeat(map[string]func(*rapid.T){
			"join": c.joinSomebody, "sync": c.syncSomebody, "heartbeat": c.heartbeatSomebody,
			"leave": c.leaveSomebody, "commit": c.commitSomething, "restart": c.restartClient,
			"advance": func(t *rapid.T) {
				c.Advance(time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond)
			},
			"long pause":   func(t *rapid.T) { c.Advance(30 * time.Second) },
			"move":         c.moveCoordinator,
			"refuse":       func(t *rapid.T) { c.Refuse = protocol.NotEnoughReplicas },
			"accept":       func(t *rapid.T) { c.Refuse = nil },
			"hold":         func(t *rapid.T) { c.Hold = true },
			"release":      func(t *rapid.T) { c.Hold = false; c.Release(nil) },
			"time out":     func(t *rapid.T) { c.Release(protocol.RequestTimedOut) },
			"fetch":        c.fetchEverything,
			"":             c.verify,
			"delete group": c.deleteGroup,
			"settle":       c.settle,
		})
		if err := c.checkAllAnswered(); err != nil {
			t.Fatal(err)
		}
	})
}

func (c *crowd) pick(t *rapid.T) *client { return rapid.SampledFrom(c.clients).Draw(t, "client") }

func (c *crowd) key(group string, generation int32) string {
	return fmt.Sprintf("%d/%s/%d", c.turn, group, generation)
}

// settle lets everybody do what a well-behaved client does until all are stable, which random steps rarely reach.
func (c *crowd) settle(t *rapid.T) {
	c.Refuse, c.Hold = nil, false
	c.Release(nil)
	for range 3 {
		for _, who := range c.clients {
			c.join(t, who)
		}
		c.Advance(time.Second)
	}
	for _, who := range c.clients {
		c.syncAs(who)
	}
}

func (c *crowd) joinSomebody(t *rapid.T) { c.join(t, c.pick(t)) }

func (c *crowd) join(t *rapid.T, who *client) {
	if who.busy {
		return
	}
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID = who.version, who.group, who.memberID, who.instance
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 10_000, 20_000
	req.ProtocolType = "consumer"
	for _, name := range rapid.SampledFrom([][]string{{"a", "b"}, {"b", "a"}, {"b"}}).Draw(t, "protocols") {
		req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: name, Metadata: subscription("t")})
	}
	who.busy = true
	reply, incarnation := c.Asked("join "+who.name), who.incarnate
	c.apply(c.m.JoinGroup(c.Now, RequestContext{ClientID: who.name, ClientHost: "/host"}, req, func(resp *kmsg.JoinGroupResponse) {
		reply("%s", formatJoin(resp))
		c.joined(who, incarnation, resp)
	}))
}

func (c *crowd) joined(who *client, incarnation int, resp *kmsg.JoinGroupResponse) {
	if incarnation != who.incarnate {
		return
	}
	who.busy = false
	switch code := protocol.Code(resp.ErrorCode); code {
	case protocol.None:
		who.memberID, who.generation, who.members = resp.MemberID, resp.Generation, resp.Members
		who.leads = resp.LeaderID == resp.MemberID && !resp.SkipAssignment
		key := c.key(who.group, resp.Generation)
		if chosen, ok := c.protocols[key]; ok && chosen != *resp.Protocol {
			c.t.Fatalf("generation %s has protocols %s and %s", key, chosen, *resp.Protocol)
		}
		c.protocols[key] = *resp.Protocol
		if who.leads {
			c.checkMembers(who, resp)
		}
	case protocol.MemberIDRequired:
		who.memberID = resp.MemberID
	case protocol.UnknownMemberID, protocol.FencedInstanceID, protocol.GroupMaxSizeReached:
		who.memberID = ""
	case protocol.CoordinatorNotAvailable, protocol.NotCoordinator, protocol.RebalanceInProgress, protocol.InconsistentGroupProtocol:
	default:
		c.t.Fatalf("JoinGroup of %s: %s", who.name, code)
	}
}

// checkMembers checks that the leader was told of itself, and of nobody twice.
func (c *crowd) checkMembers(who *client, resp *kmsg.JoinGroupResponse) {
	seen := make(map[string]bool)
	for _, m := range resp.Members {
		if seen[m.MemberID] {
			c.t.Fatalf("member %s is listed twice", m.MemberID)
		}
		seen[m.MemberID] = true
	}
	if !seen[who.memberID] {
		c.t.Fatalf("leader %s is not among its members", who.memberID)
	}
}

// stableName names a member by what outlives a restart of a static one.
func stableName(memberID string, instance *string) string {
	if instance != nil {
		return *instance
	}
	return memberID
}

func (c *crowd) syncSomebody(t *rapid.T) { c.syncAs(c.pick(t)) }

func (c *crowd) syncAs(who *client) {
	if who.busy || who.memberID == "" || who.generation < 0 {
		return
	}
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID, req.Generation = 5, who.group, who.memberID, who.instance, who.generation
	key := c.key(who.group, who.generation)
	if who.leads {
		shares := make(map[string]string)
		for _, m := range who.members {
			name := stableName(m.MemberID, m.InstanceID)
			shares[name] = key + " " + name
			req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: m.MemberID, MemberAssignment: []byte(shares[name])})
		}
		c.assigned[key] = shares
	}
	who.busy = true
	reply, incarnation := c.Asked("sync "+who.name), who.incarnate
	c.apply(c.m.SyncGroup(c.Now, req, func(resp *kmsg.SyncGroupResponse) {
		reply("%s", formatSync(resp))
		if incarnation != who.incarnate {
			return
		}
		who.busy = false
		c.synced(who, key, resp)
	}))
}

func (c *crowd) synced(who *client, key string, resp *kmsg.SyncGroupResponse) {
	switch code := protocol.Code(resp.ErrorCode); code {
	case protocol.None:
		got := string(resp.MemberAssignment)
		want := stableName(who.memberID, who.instance)
		// After the coordinator moved, the assignment is one of an earlier turn.
		if got != "" && (!strings.HasSuffix(got, " "+want) || !strings.Contains(got, fmt.Sprintf("/%s/%d ", who.group, who.generation))) {
			c.t.Fatalf("%s in generation %d was assigned %q", want, who.generation, got)
		}
	case protocol.UnknownMemberID, protocol.FencedInstanceID:
		who.memberID, who.generation = "", -1
	case protocol.CoordinatorNotAvailable, protocol.NotCoordinator, protocol.RebalanceInProgress, protocol.IllegalGeneration:
	default:
		c.t.Fatalf("SyncGroup of %s: %s", who.name, code)
	}
}

func (c *crowd) heartbeatSomebody(t *rapid.T) {
	who := c.pick(t)
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.InstanceID, req.Generation = who.group, who.memberID, who.instance, who.generation
	reply := c.Asked("heartbeat " + who.name)
	c.apply(c.m.Heartbeat(c.Now, req, func(resp *kmsg.HeartbeatResponse) { reply("%s", code(resp.ErrorCode)) }))
}

func (c *crowd) leaveSomebody(t *rapid.T) {
	who := c.pick(t)
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version, req.Group = 5, who.group
	req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: who.memberID, InstanceID: who.instance}}
	reply := c.Asked("leave " + who.name)
	c.apply(c.m.LeaveGroup(c.Now, req, func(resp *kmsg.LeaveGroupResponse) { reply("%s", formatLeave(resp)) }))
	who.memberID, who.generation = "", -1
}

// restartClient makes a client forget everything but its instance id.
func (c *crowd) restartClient(t *rapid.T) {
	who := c.pick(t)
	who.memberID, who.generation, who.busy, who.leads = "", -1, false, false
	who.incarnate++
}

func (c *crowd) commitSomething(t *rapid.T) {
	who := c.pick(t)
	partition := rapid.Int32Range(0, 2).Draw(t, "partition")
	c.sent++
	at := c.sent
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID, req.Generation = 10, who.group, who.memberID, who.instance, who.generation
	req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: partition, Offset: at, LeaderEpoch: -1}}}}
	reply := c.Asked("commit " + who.name)
	c.apply(c.m.OffsetCommit(c.Now, req, func(resp *kmsg.OffsetCommitResponse) {
		reply("%s", formatCommit(resp))
		if resp.Topics[0].Partitions[0].ErrorCode == 0 {
			if c.acked[who.group] == nil {
				c.acked[who.group] = make(map[int32]int64)
			}
			c.acked[who.group][partition] = at
		}
	}))
}

// fetchEverything checks that no acknowledged commit is lost.
func (c *crowd) fetchEverything(t *rapid.T) {
	for _, id := range []string{"g", "h"} {
		req := kmsg.NewOffsetFetchRequestGroup()
		req.Group = id
		promised := make(map[int32]int64)
		for partition, at := range c.acked[id] {
			promised[partition] = at
		}
		reply := c.Asked("fetch " + id)
		c.apply(c.m.OffsetFetch(10, true, &req, func(resp kmsg.OffsetFetchResponseGroup) {
			reply("%s", formatFetch(resp))
			if resp.ErrorCode != 0 {
				return
			}
			for _, topic := range resp.Topics {
				for _, p := range topic.Partitions {
					if p.Offset >= promised[p.Partition] {
						delete(promised, p.Partition)
					}
				}
			}
			if len(promised) > 0 {
				c.t.Fatalf("group %s: acknowledged commits are lost: %v", id, promised)
			}
		}))
	}
}

func (c *crowd) deleteGroup(t *rapid.T) {
	if c.Refuse != nil || c.Hold {
		return // what is deleted must be known for sure
	}
	c.apply(c.m.DeleteGroups([]string{"h"}, func(answers []kmsg.DeleteGroupsResponseGroup) {
		if answers[0].ErrorCode == 0 {
			delete(c.acked, "h")
			c.turn++ // its generations begin anew
		}
	}))
}

func (c *crowd) moveCoordinator(t *rapid.T) {
	c.Hold = false
	if err := c.reload(); err != nil {
		t.Fatal(err)
	}
	c.turn++
	c.Out.Reset()
}

// verify checks the invariants, and that the log says what the machine knows.
func (c *crowd) verify(t *rapid.T) {
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	replayed, err := replayed(c.m, new(machine.Timers), c.log)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(replayed.offsets, c.m.offsets) {
		t.Fatalf("offsets in the log are %v, live %v", replayed.offsets, c.m.offsets)
	}
	for id, live := range c.m.groups {
		stored := replayed.groups[id]
		if stored == nil {
			t.Fatalf("group %s is not in the log", id)
		}
		if live.state == Stable {
			if err := sameGeneration(live, stored); err != nil {
				t.Fatalf("group %s: %v", id, err)
			}
		}
		if stored.generation > live.generation {
			t.Fatalf("group %s: generation %d is in the log, live is %d", id, stored.generation, live.generation)
		}
	}
	for id := range replayed.groups {
		if c.m.groups[id] == nil {
			t.Fatalf("group %s is in the log, but not live", id)
		}
	}
}

// sameGeneration compares what a restart must know of a stable group.
func sameGeneration(live, stored *group) error {
	if live.generation != stored.generation || live.leaderID != stored.leaderID || *live.protocolName != *stored.protocolName ||
		live.protocolType != stored.protocolType || len(live.members) != len(stored.members) {
		return fmt.Errorf("live is generation %d of %s with %d members, in the log is %d of %s with %d",
			live.generation, live.leaderID, len(live.members), stored.generation, stored.leaderID, len(stored.members))
	}
	for i, m := range live.members {
		s := stored.members[i]
		if m.id != s.id || !bytes.Equal(m.assignment, s.assignment) || m.sessionTimeoutMs != s.sessionTimeoutMs || !reflect.DeepEqual(m.instanceID, s.instanceID) {
			return fmt.Errorf("member %s with %q is %s with %q in the log", m.id, m.assignment, s.id, s.assignment)
		}
	}
	return nil
}
