package node_test

import (
	"context"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// recordsOf reads a topic from its start, one raw fetch after the other, checks every batch and returns how many records there are.
func recordsOf(t *testing.T, v *victim, topic string) (n int64) {
	t.Helper()
	a := attack(t, v.b.Addr())
	for {
		fetch := kmsg.NewPtrFetchRequest()
		fetch.ReplicaID, fetch.MaxBytes, fetch.SessionEpoch = -1, 1<<20, -1
		ft := kmsg.NewFetchRequestTopic()
		ft.Topic = topic
		fp := kmsg.NewFetchRequestTopicPartition()
		fp.FetchOffset, fp.PartitionMaxBytes, fp.CurrentLeaderEpoch = n, 1<<20, -1
		ft.Partitions = append(ft.Partitions, fp)
		fetch.Topics = append(fetch.Topics, ft)
		p := ask[*kmsg.FetchResponse](a, fetch, 12).Topics[0].Partitions[0]
		if p.ErrorCode != 0 {
			t.Fatalf("fetch of %s-0 at offset %d: %s", topic, n, protocol.Code(p.ErrorCode).Name())
		}
		if len(p.RecordBatches) == 0 {
			return n
		}
		for rest := p.RecordBatches; len(rest) > 0; {
			b, next, err := record.Next(rest)
			if err == record.ErrTruncated {
				break
			}
			if err == nil {
				err = b.CheckCRC()
			}
			if err != nil || b.BaseOffset() > n {
				t.Fatalf("%s-0 serves a batch at offset %d where %d is next: %v", topic, b.BaseOffset(), n, err)
			}
			n, rest = b.NextOffset(), next
		}
	}
}

func TestHostileFullDiskBySetting(t *testing.T) {
	v := startVictim(t, t.TempDir(), nil)
	create(t, v, "full", nil)
	a := attack(t, v.b.Addr())
	good := batch(t, record.CodecNone, 5, 100)
	if p := produced(a, "full", good); p.ErrorCode != 0 {
		t.Fatal(protocol.Code(p.ErrorCode).Name())
	}
	commit := func() protocol.Code {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.Generation = "g", -1
		topic := kmsg.NewOffsetCommitRequestTopic()
		topic.Topic = "full"
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Offset = 3
		topic.Partitions = append(topic.Partitions, partition)
		req.Topics = append(req.Topics, topic)
		return protocol.Code(ask[*kmsg.OffsetCommitResponse](a, req, 7).Topics[0].Partitions[0].ErrorCode)
	}
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKey = "g"
	for ask[*kmsg.FindCoordinatorResponse](a, find, 3).ErrorCode != 0 { // it makes the topic of the offsets
	}
	code := commit()
	for code == protocol.CoordinatorLoadInProgress || code == protocol.NotCoordinator { // the coordinator loads first
		code = commit()
	}
	if code != protocol.None {
		t.Fatalf("commit: %s", code.Name())
	}
	adm := kadm.NewClient(client(t, v.b))
	set := func(op kadm.IncrementalOp, value string) {
		t.Helper()
		if _, err := adm.AlterBrokerConfigs(within(t), []kadm.AlterConfig{{Op: op, Name: "ottla.disk.min.free.bytes", Value: &value}}); err != nil {
			t.Fatal(err)
		}
	}
	mark := v.log.mark()
	set(kadm.SetConfig, strconv.FormatInt(math.MaxInt64/2, 10))
	for range 50 {
		if p := produced(a, "full", good); protocol.Code(p.ErrorCode) != protocol.KafkaStorageError {
			t.Fatalf("on a full disk a batch gets %s", protocol.Code(p.ErrorCode).Name())
		}
	}
	v.log.waitFor(t, mark, "the disk is nearly full", "freeBytes=", "ottla.disk.min.free.bytes", "level=ERROR")
	if lines := strings.Count(v.log.since(mark), "\n"); lines > 10 {
		t.Errorf("50 refused requests made %d log lines:\n%.2000s", lines, v.log.since(mark))
	}
	if code := commit(); code != protocol.NotCoordinator { // which makes the client look for the coordinator, and try again
		t.Errorf("a commit gets %s", code.Name())
	}
	// Reading, administration and deletion go on.
	if n := recordsOf(t, v, "full"); n != 5 {
		t.Errorf("%d records are read, want 5", n)
	}
	if _, err := adm.CreateTopic(within(t), 1, 1, nil, "another"); err != nil {
		t.Errorf("creating a topic: %v", err)
	}
	if _, err := adm.DeleteTopic(within(t), "another"); err != nil {
		t.Errorf("deleting a topic: %v", err)
	}
	set(kadm.DeleteConfig, "")
	if p := produced(a, "full", good); p.ErrorCode != 0 || p.BaseOffset != 5 {
		t.Errorf("with space again a batch gets %s at %d", protocol.Code(p.ErrorCode).Name(), p.BaseOffset)
	}
	if code := commit(); code != protocol.None {
		t.Errorf("with space again a commit gets %s", code.Name())
	}
}

func TestHostileDirectoryThatCannotBeWritten(t *testing.T) {
	if os.Getuid() == 0 {
		// Root may write everywhere: a file in the place of the directory, and a place that is no directory, stand in.
		t.Log("as root: without the permissions' part")
	} else {
		dir := filepath.Join(t.TempDir(), "readonly")
		if err := os.Mkdir(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		refusesToStart(t, dir, "permission denied")
		refusesToStart(t, filepath.Join(dir, "below"), "permission denied")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refusesToStart(t, file)
	refusesToStart(t, filepath.Join(file, "below"))
	refusesToStart(t, "/proc/ottla-cannot-be-here")
}

// refusesToStart asserts that a node on the directory does not start, and says which one and why.
func refusesToStart(t *testing.T, dir string, words ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	b, err := broker.Start(ctx, broker.Config{DataDir: dir, Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		_ = b.Close()
		t.Fatalf("a node started on %s", dir)
	}
	if !containsAll(err.Error(), append(words, dir)) {
		t.Errorf("the error does not say %q: %v", append(words, dir), err)
	}
}
