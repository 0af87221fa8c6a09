package storage

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/record"
)

// TestTransactionScripts plays the scripts of testdata/transactions. Each line is an operation and, after "->", what it must answer:
//
//	data p1 e0 s0 x3     batch of producer 1, epoch 0, first sequence 0, three records -> "0..2", "duplicate 0..2", an error
//	     plain           not of a transaction
//	     guard=NAME      with a guard that verify named, else verified on the way; unverified: with none
//	     replica, coordinator     not from a client
//	commit p1 e0 c0 tv2  a marker by coordinator epoch 0 under transaction.version 2 (default: 0) -> its offset, an error
//	verify p1 e0 s0 v2 NAME  -> "guard", the same for a name that is known, "open", an error
//	fill 3               three plain records without a producer
//	hw 5                 from here on the high watermark is set by the script
//	lso, start, end, aborted FROM TO, open p1, producers
//	roll, restart, kill, truncate N, delete N, empty N, wait MS, expire, retain, verification off, remove FILE, damage FILE BYTE
func TestTransactionScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/transactions/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s := &txnScript{t: t, bench: newBench(t, defaultTopic()), guards: map[string]VerificationGuard{}}
			for i, line := range strings.Split(string(data), "\n") {
				line, _, _ = strings.Cut(line, "#")
				operation, want, _ := strings.Cut(strings.TrimSpace(line), "->")
				words := strings.Fields(operation)
				if len(words) == 0 {
					continue
				}
				if got := s.play(words[0], words[1:]); got != strings.TrimSpace(want) {
					t.Errorf("%s:%d: %s\n got %s", path, i+1, strings.TrimSpace(line), got)
				}
			}
			s.close()
			if !s.damaged {
				s.sound()
			}
		})
	}
}

type txnScript struct {
	*bench
	t       *testing.T
	manual  bool // the script sets the high watermark
	damaged bool
	guards  map[string]VerificationGuard
}

// txnArguments are those of an operation that speaks of a producer.
type txnArguments struct {
	id          int64
	epoch       int16
	sequence    int32
	records     int
	coordinator int32
	version     int16
	bump        bool
	words       map[string]bool
	name        string
}

func (s *txnScript) arguments(words []string) txnArguments {
	s.t.Helper()
	a := txnArguments{records: 1, words: map[string]bool{}}
	for _, w := range words {
		if name, ok := strings.CutPrefix(w, "guard="); ok {
			a.name = name
			continue
		}
		digits := strings.TrimLeft(w, "pesxctv")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			a.words[w] = true
			a.name = w
			continue
		}
		switch w[:len(w)-len(digits)] {
		case "p":
			a.id = n
		case "e":
			a.epoch = int16(n)
		case "s":
			a.sequence = int32(n)
		case "x":
			a.records = int(n)
		case "c":
			a.coordinator = int32(n)
		case "tv":
			a.version = int16(n)
		case "v":
			a.bump = n >= 2
		default:
			s.t.Fatalf("what is %s", w)
		}
	}
	return a
}

func (s *txnScript) play(operation string, words []string) string {
	s.t.Helper()
	l := s.log()
	number := func(i int) int64 {
		n, err := strconv.ParseInt(words[i], 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	switch operation {
	case "data":
		return s.data(l, s.arguments(words))
	case "commit", "abort":
		return s.marker(l, s.arguments(words), operation == "commit")
	case "verify":
		return s.verify(l, s.arguments(words))
	case "fill":
		for range number(0) {
			info, err := l.Append(batchOf(s.t, s.clock.Now(), "plain"), AppendOptions{})
			s.appended(l, info, err)
		}
	case "hw":
		s.manual = true
		l.SetHighWatermark(number(0))
	case "lso":
		return itoa(l.LastStableOffset())
	case "start":
		return itoa(l.LogStartOffset())
	case "end":
		return itoa(l.LogEndOffset())
	case "aborted":
		return s.aborted(l, number(0), number(1))
	case "open":
		open, err := l.HasOpenTransaction(s.arguments(words).id)
		return fmt.Sprint(open) + failure(err)
	case "producers":
		return s.producers(l)
	case "verification":
		s.m.UpdateSettings(func(o *ManagerOptions) { o.SkipTransactionVerification = words[0] == "off" })
	default:
		return s.change(l, operation, words, number)
	}
	return ""
}

// change plays the operations that change the log as a whole.
func (s *txnScript) change(l *Log, operation string, words []string, number func(int) int64) string {
	s.t.Helper()
	switch operation {
	case "roll":
		return failure(l.Roll())
	case "restart":
		s.restart()
	case "kill":
		s.kill()
	case "truncate":
		return failure(l.TruncateTo(number(0)))
	case "delete":
		return failure(l.DeleteRecordsBefore(number(0)))
	case "empty":
		return failure(l.TruncateFullyAndStartAt(number(0)))
	case "wait":
		s.clock.Advance(time.Duration(number(0)) * time.Millisecond)
	case "expire":
		s.m.expireProducers()
	case "retain":
		_, err := l.ApplyRetention()
		return failure(err)
	case "remove":
		return failure(s.fs.Remove(join(l.path(), words[0])))
	case "damage":
		s.damaged = true
		flipBit(s.t, s.fs, join(l.path(), words[0]), number(1))
	default:
		s.t.Fatalf("what is %s", operation)
	}
	return ""
}

func failure(err error) string {
	if err == nil {
		return ""
	}
	return ErrorCode(err).Name()
}

func (s *txnScript) appended(l *Log, info AppendInfo, err error) string {
	if err != nil {
		return failure(err)
	}
	if !s.manual {
		l.SetHighWatermark(l.LogEndOffset())
	}
	what := fmt.Sprintf("%d..%d", info.FirstOffset, info.LastOffset)
	if info.Duplicate {
		return "duplicate " + what
	}
	return what
}

func (s *txnScript) data(l *Log, a txnArguments) string {
	s.t.Helper()
	batch := batchWith(s.t, s.clock.Now(), func(b *record.Builder) {
		b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = a.id, a.epoch, a.sequence, !a.words["plain"]
		if a.words["replica"] {
			b.BaseOffset, b.LeaderEpoch = l.LogEndOffset(), 0
		}
	}, make([]string, a.records)...)
	options := AppendOptions{Origin: OriginClient, Guard: s.guards[a.name]}
	switch {
	case a.words["replica"]:
		options.Origin = OriginReplication
	case a.words["coordinator"]:
		options.Origin = OriginCoordinator
	}
	if !a.words["plain"] && !a.words["unverified"] && !a.words["replica"] && s.guards[a.name] == 0 {
		guard, err := l.StartVerification(a.id, a.epoch, a.sequence, false)
		if err != nil {
			return failure(err)
		}
		options.Guard = guard
	}
	info, err := l.Append(batch, options)
	return s.appended(l, info, err)
}

func (s *txnScript) marker(l *Log, a txnArguments, commit bool) string {
	m := record.Marker{Type: record.ControlAbort, CoordinatorEpoch: a.coordinator}
	if commit {
		m.Type = record.ControlCommit
	}
	batch := record.Batch(record.AppendMarkerBatch(nil, a.id, a.epoch, m, s.clock.Now().UnixMilli()))
	options := AppendOptions{Origin: OriginCoordinator, TransactionVersion: a.version}
	if a.words["replica"] {
		batch.SetBaseOffset(l.LogEndOffset())
		batch.SetPartitionLeaderEpoch(0)
		options.Origin = OriginReplication
	}
	info, err := l.Append(batch, options)
	got, _, _ := strings.Cut(s.appended(l, info, err), "..")
	return got
}

func (s *txnScript) verify(l *Log, a txnArguments) string {
	guard, err := l.StartVerification(a.id, a.epoch, a.sequence, a.bump)
	switch known := s.guards[a.name]; {
	case err != nil:
		return failure(err)
	case guard == 0:
		return "open"
	case known == 0:
		s.guards[a.name] = guard
		return "guard"
	case known == guard:
		return "the same"
	}
	return "another"
}

func (s *txnScript) aborted(l *Log, from, upTo int64) string {
	list, err := l.AbortedTransactions(nil, from, upTo)
	if err != nil {
		return failure(err)
	}
	words := []string{}
	for _, t := range list {
		words = append(words, fmt.Sprintf("p%d:%d-%d/%d", t.ProducerID, t.FirstOffset, t.LastOffset, t.LastStableOffset))
	}
	return strings.Join(words, " ")
}

func (s *txnScript) producers(l *Log) string {
	states, err := l.ActiveProducers()
	if err != nil {
		return failure(err)
	}
	words := []string{}
	for _, p := range states {
		words = append(words, fmt.Sprintf("p%d:e%d:s%d:c%d:txn%d", p.ProducerID, p.ProducerEpoch, p.LastSequence, p.CoordinatorEpoch, p.CurrentTxnFirstOffset))
	}
	return strings.Join(words, " ")
}

// visible returns the offsets of the records that a read_committed reader sees, by what it is told.
func visible(t testing.TB, l *Log, from int64) map[int64]bool {
	t.Helper()
	stable := l.LastStableOffset()
	aborted, err := l.AbortedTransactions(nil, from, stable)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int64]bool{}
	aborting := map[int64]bool{}
	err = l.ReadBatches(from, stable, func(b record.Batch) error {
		for _, a := range aborted {
			if a.FirstOffset <= b.LastOffset() && b.BaseOffset() <= a.LastOffset {
				aborting[a.ProducerID] = true
			}
		}
		if b.IsControl() {
			delete(aborting, b.ProducerID())
			return nil
		}
		if b.IsTransactional() && aborting[b.ProducerID()] {
			return nil
		}
		for offset := max(from, b.BaseOffset()); offset <= b.LastOffset(); offset++ {
			got[offset] = true
		}
		return nil
	})
	if err != nil && from < math.MaxInt64 {
		t.Fatal(err)
	}
	return got
}
