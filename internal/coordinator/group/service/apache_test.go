package service

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/scripttest"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

func batchesOfApacheKafka(t *testing.T) []record.Batch {
	return scripttest.ReadBatches(t, "testdata/apache-kafka-4.3.1.log")
}

// TestLogOfApacheKafka loads a partition of __consumer_offsets that Apache Kafka 4.3.1 wrote. In it are: group "simple"
// with offsets committed by hand, one of them of a topic that was deleted later; group "deleted" with its tombstones;
// group "transactional", whose offsets were committed in a transaction; group "members" with two static members of the
// classic protocol; and group "modern" of the consumer protocol (KIP-848).
func TestLogOfApacheKafka(t *testing.T) {
	log := scripttest.LogOf(t, batchesOfApacheKafka(t))
	var logged bytes.Buffer
	b := &bench{t: t, clock: clock.NewFake(time.UnixMilli(log.Batches()[0].MaxTimestamp()))}
	b.Service = New(Options{
		Clock: b.clock, Logger: slog.New(slog.NewTextHandler(&logged, nil)), Config: group.DefaultConfig,
		Topics: catalog{"orders"}, PartitionCount: func() int32 { return 1 }, Go: func(task func()) { task() },
	})
	b.OnPartitionLeader(0, 1, log)

	var got []string
	list := kmsg.NewPtrListGroupsRequest()
	list.Version = 5
	for _, g := range ask(b, b.ListGroups, list).Groups {
		got = append(got, fmt.Sprintf("%s %q %s %s", g.Group, g.ProtocolType, g.GroupState, g.GroupType))
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Version = 9
	for _, id := range []string{"simple", "deleted", "members", "modern", "transactional"} {
		fetch.Groups = append(fetch.Groups, kmsg.OffsetFetchRequestGroup{Group: id})
	}
	for _, g := range ask(b, b.OffsetFetch, fetch).Groups {
		for _, topic := range g.Topics {
			for _, p := range topic.Partitions {
				got = append(got, fmt.Sprintf("%s %s/%d=%d epoch %d", g.Group, topic.Topic, p.Partition, p.Offset, p.LeaderEpoch))
			}
		}
	}
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Version, describe.Groups = 5, []string{"members"}
	for _, m := range ask(b, b.DescribeGroups, describe).Groups[0].Members {
		got = append(got, fmt.Sprintf("%s %s %s %q", *m.InstanceID, m.ClientID, m.ClientHost, m.MemberAssignment))
	}
	want := []string{
		`members "consumer" Stable classic`,
		`modern "" Empty classic`,
		`simple "" Empty classic`,
		`transactional "consumer" Empty classic`,
		"simple orders/0=5 epoch 0",
		"simple orders/1=6 epoch -1",
		"members orders/0=11 epoch 0",
		"modern orders/0=12 epoch 0",
		"modern orders/1=0 epoch -1",
		"transactional orders/0=10 epoch 0",
		`two worker-two /127.0.0.1 "\x00\x00\x00\x00\x00\x01\x00\x06orders\x00\x00\x00\x01\x00\x00\x00\x01\xff\xff\xff\xff"`,
		`one worker-one /127.0.0.1 "\x00\x00\x00\x00\x00\x01\x00\x06orders\x00\x00\x00\x01\x00\x00\x00\x00\xff\xff\xff\xff"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	warning := `skipped records of types that are not known.*map\[3:2 5:2 6:1 7:2 8:2\]`
	if !regexp.MustCompile(warning).MatchString(logged.String()) || strings.Count(logged.String(), "WARN") != 1 {
		t.Errorf("not only %q in:\n%s", warning, logged.String())
	}

	// The members go on where they were, and the log can be continued.
	heartbeat := kmsg.NewPtrHeartbeatRequest()
	heartbeat.Version, heartbeat.Group, heartbeat.Generation = 4, "members", 1
	members := ask(b, b.DescribeGroups, describe).Groups[0].Members
	heartbeat.MemberID, heartbeat.InstanceID = members[0].MemberID, members[0].InstanceID
	b.want(ask(b, b.Heartbeat, heartbeat).ErrorCode, protocol.None)
}
