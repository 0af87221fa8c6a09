package api

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/replica/run"
	"ottla.dev/ottla/internal/storage"
	"ottla.dev/ottla/internal/vfs"
)

// fakeVerifier is a coordinator that answers what a test says.
type fakeVerifier struct {
	asked  atomic.Int32
	answer func(ask int, partitions []txn.TopicPartition, verifyOnly bool, done func([]protocol.Code))
}

func (f *fakeVerifier) AddOrVerify(_ string, _ int64, _ int16, partitions []txn.TopicPartition, verifyOnly bool, done func([]protocol.Code)) {
	f.answer(int(f.asked.Add(1)), partitions, verifyOnly, done)
}

// verifying is a server with the partitions t-0 to t-2 and a coordinator of the test's.
func verifying(t *testing.T, settings map[string]string, verifier TransactionVerifier) *Server {
	t.Helper()
	snapshot, _, err := config.Load(config.LoadOptions{Values: settings, Fallback: config.Standalone("data")})
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := snapshot.Topic(nil)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := storage.OpenManager(t.Context(), storage.ManagerOptions{FS: vfs.NewMem(), Dirs: []string{"data"}, NodeID: 1, Default: defaults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logs.Close() })
	logger := slog.New(slog.DiscardHandler)
	replicas := run.NewManager(logs, logger)
	if err := replicas.Become("t", [16]byte{1}, defaults, []run.Replica{{Index: 0}, {Index: 1}, {Index: 2}}); err != nil {
		t.Fatal(err)
	}
	return &Server{Deps: Deps{Logger: logger, Clock: clock.Real{}, Config: config.NewLive(snapshot, logger), Replicas: replicas, Logs: logs, Verifier: verifier}}
}

// produceInTransaction sends a batch of one record to each partition, and returns the answers in their order.
func produceInTransaction(t *testing.T, s *Server, version int16, sequence int32, partitions ...int32) []protocol.ProducePartition {
	t.Helper()
	req := kmsg.NewPtrProduceRequest()
	id := "id"
	req.TransactionID, req.Acks = &id, -1
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "t"
	for _, index := range partitions {
		b := record.NewBuilder(record.CodecNone)
		b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = 7, 0, sequence, true
		if err := b.Append(&record.Record{Timestamp: 1, Value: []byte("v")}); err != nil {
			t.Fatal(err)
		}
		batch, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		part := kmsg.NewProduceRequestTopicPartition()
		part.Partition, part.Records = index, batch
		topic.Partitions = append(topic.Partitions, part)
	}
	req.Topics = append(req.Topics, topic)
	req.SetVersion(version)
	op := &produceOp{server: s, acks: -1}
	if err := op.req.Decode(req.AppendTo(nil), version); err != nil {
		t.Fatal(err)
	}
	op.pending.Store(1) // it is the test that gets the answers
	op.transactional(version)
	for _, index := range partitions {
		p, err := s.Replicas.Partition("t", index)
		if err != nil {
			t.Fatal(err)
		}
		if p.Log().Config().SyncBeforeAck {
			safe := make(chan error, 1)
			p.AwaitDurable(storage.AppendInfo{LastOffset: p.Log().LogEndOffset() - 1}, func(err error) { safe <- err })
			if err := <-safe; err != nil {
				t.Fatal(err)
			}
		}
	}
	return op.req.Topics[0].Partitions
}

func codesOf(n int, code protocol.Code) []protocol.Code {
	codes := make([]protocol.Code, n)
	for i := range codes {
		codes[i] = code
	}
	return codes
}

func TestCoordinatorsAnswerReachesTheProducer(t *testing.T) {
	const unable = "Unable to verify the partition has been added to the transaction. Underlying error: "
	for _, test := range []struct {
		said    protocol.Code
		version int16
		want    protocol.Code
		message string
	}{
		{protocol.None, 9, protocol.None, ""},
		{protocol.None, 12, protocol.None, ""},
		{protocol.ProducerFenced, 9, protocol.InvalidProducerEpoch, ""},
		{protocol.ProducerFenced, 12, protocol.InvalidProducerEpoch, ""},
		{protocol.InvalidProducerIDMapping, 11, protocol.InvalidProducerIDMapping, ""},
		{protocol.TransactionAbortable, 10, protocol.InvalidTxnState, "Partition was not added to the transaction"},
		{protocol.TransactionAbortable, 11, protocol.TransactionAbortable, ""},
		{protocol.InvalidTxnState, 12, protocol.InvalidTxnState, "Partition was not added to the transaction"},
		{protocol.CoordinatorLoadInProgress, 9, protocol.NotEnoughReplicas, unable + "COORDINATOR_LOAD_IN_PROGRESS"},
		{protocol.CoordinatorNotAvailable, 12, protocol.NotEnoughReplicas, unable + "COORDINATOR_NOT_AVAILABLE"},
		{protocol.NotCoordinator, 12, protocol.NotEnoughReplicas, unable + "NOT_COORDINATOR"},
		{protocol.ConcurrentTransactions, 11, protocol.NotEnoughReplicas, unable + "CONCURRENT_TRANSACTIONS"},
		{protocol.ConcurrentTransactions, 12, protocol.ConcurrentTransactions, ""},
	} {
		s := verifying(t, map[string]string{"add.partitions.to.txn.retry.backoff.max.ms": "0"}, &fakeVerifier{answer: func(_ int, partitions []txn.TopicPartition, verifyOnly bool, done func([]protocol.Code)) {
			if verifyOnly != (test.version < 12) || len(partitions) != 2 {
				t.Errorf("version %d asks about %v, verify only: %t", test.version, partitions, verifyOnly)
			}
			go done(codesOf(len(partitions), test.said))
		}})
		for _, part := range produceInTransaction(t, s, test.version, 0, 0, 2) {
			if part.Code != test.want || part.ErrorMessage != test.message {
				t.Errorf("%s in version %d: %s %q, want %s %q", test.said.Name(), test.version, part.Code.Name(), part.ErrorMessage, test.want.Name(), test.message)
			}
			if (part.BaseOffset == 0) != (test.want == protocol.None) {
				t.Errorf("%s in version %d: base offset %d", test.said.Name(), test.version, part.BaseOffset)
			}
		}
	}
}

func TestOnlyWhatBeginsATransactionIsVerified(t *testing.T) {
	var asked [][]txn.TopicPartition
	v := &fakeVerifier{answer: func(_ int, partitions []txn.TopicPartition, _ bool, done func([]protocol.Code)) {
		asked = append(asked, append([]txn.TopicPartition(nil), partitions...))
		done(codesOf(len(partitions), protocol.None))
	}}
	s := verifying(t, nil, v)
	produceInTransaction(t, s, 11, 0, 0, 1)
	produceInTransaction(t, s, 11, 1, 0, 1)
	if parts := produceInTransaction(t, s, 11, 2, 0, 1, 2); parts[0].BaseOffset != 2 || parts[2].Code != protocol.None {
		t.Fatalf("answers %+v", parts)
	}
	if len(asked) != 2 || len(asked[0]) != 2 || len(asked[1]) != 1 || asked[1][0].Partition != 2 {
		t.Fatalf("asked about %v: partitions with an open transaction need no answer", asked)
	}
}

func TestOneRefusedPartitionLeavesTheOthers(t *testing.T) {
	s := verifying(t, nil, &fakeVerifier{answer: func(_ int, partitions []txn.TopicPartition, _ bool, done func([]protocol.Code)) {
		codes := codesOf(len(partitions), protocol.None)
		codes[1] = protocol.InvalidTxnState
		done(codes)
	}})
	parts := produceInTransaction(t, s, 9, 0, 0, 1, 2)
	if parts[0].Code != protocol.None || parts[1].Code != protocol.InvalidTxnState || parts[2].Code != protocol.None || parts[1].BaseOffset != -1 {
		t.Fatalf("answers %+v", parts)
	}
}

func TestConcurrentTransactionIsAskedAboutAgain(t *testing.T) {
	v := &fakeVerifier{answer: func(ask int, partitions []txn.TopicPartition, _ bool, done func([]protocol.Code)) {
		code := protocol.ConcurrentTransactions
		if ask == 3 {
			code = protocol.None
		}
		done(codesOf(len(partitions), code))
	}}
	s := verifying(t, map[string]string{"add.partitions.to.txn.retry.backoff.ms": "1", "add.partitions.to.txn.retry.backoff.max.ms": "20000"}, v)
	if parts := produceInTransaction(t, s, 12, 0, 0); parts[0].Code != protocol.None || v.asked.Load() != 3 {
		t.Fatalf("asked %d times, answer %+v", v.asked.Load(), parts[0])
	}
	// A client of before asks again itself.
	v.asked.Store(10)
	s = verifying(t, nil, v)
	if parts := produceInTransaction(t, s, 11, 0, 0); parts[0].Code != protocol.NotEnoughReplicas || v.asked.Load() != 11 {
		t.Fatalf("asked %d times, answer %+v", v.asked.Load()-10, parts[0])
	}
}

func TestCoordinatorThatDoesNotAnswer(t *testing.T) {
	late := make(chan func([]protocol.Code), 1)
	s := verifying(t, map[string]string{"request.timeout.ms": "20"}, &fakeVerifier{answer: func(_ int, _ []txn.TopicPartition, _ bool, done func([]protocol.Code)) { late <- done }})
	began := time.Now()
	parts := produceInTransaction(t, s, 12, 0, 0)
	if parts[0].Code != protocol.NotEnoughReplicas || time.Since(began) < 20*time.Millisecond {
		t.Fatalf("after %v: %+v", time.Since(began), parts[0])
	}
	(<-late)(codesOf(1, protocol.None)) // nobody listens any more
	if p, _ := s.Replicas.Partition("t", 0); p.Log().LogEndOffset() != 0 {
		t.Fatal("a batch was appended that was answered with an error")
	}
}
