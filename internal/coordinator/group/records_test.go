package group

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
)

func TestPartitionFor(t *testing.T) {
	// The hashes are those of Java's String.hashCode.
	for s, want := range map[string]int32{
		"": 0, "hello": 99162322, "polygenelubricants": -1 << 31, "😀": 1772899,
	} {
		if got := javaHash(s); got != want {
			t.Errorf("hash of %q is %d, want %d", s, got, want)
		}
	}
	for s, want := range map[string]int32{"": 0, "hello": 22, "polygenelubricants": 0} {
		if got := PartitionFor(s, 50); got != want {
			t.Errorf("group %q is in partition %d, want %d", s, got, want)
		}
	}
}

func emptyMachine() *Machine {
	return NewMachine(Options{Config: DefaultConfig, Logger: slog.New(slog.DiscardHandler), Timers: new(machine.Timers)})
}

// TestOldRecords reads the versions that older Kafkas wrote.
func TestOldRecords(t *testing.T) {
	for version := int16(0); version <= 4; version++ {
		m := emptyMachine()
		value := kmsg.OffsetCommitValue{Version: version, Offset: 7, LeaderEpoch: 3, Metadata: "note", CommitTimestamp: 11, ExpireTimestamp: 13}
		key := kmsg.OffsetCommitKey{Version: min(version, 1), Group: "g", Topic: "t", Partition: 2}
		if err := m.Replay(0, machine.Record{Key: key.AppendTo(nil), Value: value.AppendTo(nil)}); err != nil {
			t.Fatal(err)
		}
		want := offset{committed: 7, leaderEpoch: 3, metadata: "note", commitMs: 11, expireMs: -1}
		if version < 3 {
			want.leaderEpoch = -1
		}
		if version == 1 {
			want.expireMs = 13
		}
		if got, _ := m.offsets.get("g", "t", 2); got != want {
			t.Errorf("version %d: %+v, want %+v", version, got, want)
		}

		leader, name := "a", "range"
		metadata := kmsg.GroupMetadataValue{Version: version, ProtocolType: "consumer", Generation: 5, Protocol: &name, Leader: &leader, CurrentStateTimestamp: 17}
		metadata.Members = []kmsg.GroupMetadataValueMember{{MemberID: "a", ClientID: "c", ClientHost: "/h", RebalanceTimeoutMillis: 9, SessionTimeoutMillis: 8, Subscription: subscription("t"), Assignment: []byte("x")}}
		if err := m.Replay(1, machine.Record{Key: metadataKey("g"), Value: metadata.AppendTo(nil)}); err != nil {
			t.Fatal(err)
		}
		g := m.groups["g"]
		wantRebalanceMs, wantSinceMs := int32(9), int64(17)
		if version < 1 {
			wantRebalanceMs = 8
		}
		if version < 2 {
			wantSinceMs = -1
		}
		if g.state != Stable || g.generation != 5 || g.members[0].rebalanceTimeoutMs != wantRebalanceMs || g.stateSinceMs != wantSinceMs || !g.isSubscribedTo("t") || g.isSubscribedTo("u") {
			t.Errorf("version %d: %+v with %+v", version, g, g.members[0])
		}
	}
}

func TestRecordsThatCannotBeRead(t *testing.T) {
	good := offsetRecord("g", "t", 0, offset{expireMs: -1})
	for name, r := range map[string]machine.Record{
		"no type":         {Key: []byte{0}},
		"short key":       {Key: []byte{0, 1, 0, 9}, Value: good.Value},
		"no version":      {Key: good.Key, Value: []byte{0}},
		"unknown version": {Key: good.Key, Value: append([]byte{0, 5}, good.Value[2:]...)},
		"short value":     {Key: good.Key, Value: good.Value[:9]},
		"short group":     {Key: metadataKey("g"), Value: []byte{0, 3, 0, 0}},
	} {
		m := emptyMachine()
		if err := m.Replay(77, r); err == nil || !strings.Contains(err.Error(), "offset 77") {
			t.Errorf("%s: error %v", name, err)
		}
		if len(m.groups) != 0 || len(m.offsets) != 0 {
			t.Errorf("%s: it changed the state", name)
		}
	}
	m := emptyMachine()
	if err := m.Replay(0, machine.Record{Key: []byte{0, 99, 1, 2, 3}, Value: []byte("anything")}); err != nil {
		t.Errorf("a type that is not known must be skipped: %v", err)
	}
}

// FuzzReplay feeds a machine whatever may be in a log. It must not panic, and what it took in must hold together.
func FuzzReplay(f *testing.F) {
	leader, name := "a", "range"
	value := kmsg.GroupMetadataValue{Version: 3, ProtocolType: "consumer", Generation: 1, Protocol: &name, Leader: &leader}
	value.Members = []kmsg.GroupMetadataValueMember{{MemberID: "a", InstanceID: &name, Subscription: subscription("t")}, {MemberID: "a"}}
	f.Add(metadataKey("g"), value.AppendTo(nil))
	leader = "nobody"
	f.Add(metadataKey("g"), value.AppendTo(nil))
	value.Protocol, value.Members = nil, value.Members[1:]
	f.Add(metadataKey("g"), value.AppendTo(nil))
	r := offsetRecord("g", "t", 0, offset{expireMs: 5})
	f.Add(r.Key, r.Value)
	f.Fuzz(func(t *testing.T, key, value []byte) {
		w := newWorld()
		if w.m.Replay(0, machine.Record{Key: key, Value: value}) != nil {
			return
		}
		if err := w.m.ReplayTransactional(1, 7, 0, machine.Record{Key: key, Value: value}); err != nil {
			t.Fatalf("it was taken outside of a transaction: %v", err)
		}
		if err := w.m.pending.check(); err != nil {
			t.Fatal(err)
		}
		if err := w.m.CompleteTransaction(2, 7, 0, len(key)%2 == 0); err != nil || len(w.m.pending.byProducer)+len(w.m.pending.producers) > 0 {
			t.Fatalf("something is pending after the marker: %v", err)
		}
		w.m.Loaded(w.Now)
		for _, g := range w.m.groups {
			if len(g.byID) != len(g.members) || len(g.members) > 0 && g.byID[g.leaderID] == nil {
				t.Fatalf("group %+v", g)
			}
			w.m.prepareRebalance(w.Now, g, "test")
		}
		w.Advance(time.Minute)
		w.m.Unloaded(w.Now)
	})
}
