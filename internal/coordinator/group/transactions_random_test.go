package group

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// ledger says what a log of offsets means, in the plainest way: it knows nothing of pending sets, it looks things up in
// the whole log each time.
type ledger struct {
	log []entry
}

// commitOf reads an entry as a commit of an offset.
func commitOf(e entry) (key string, o offset, ok bool) {
	if e.marker || binary.BigEndian.Uint16(e.Key) != keyOffsetCommit {
		return "", offset{}, false
	}
	var k kmsg.OffsetCommitKey
	if err := k.ReadFrom(e.Key); err != nil {
		panic(err)
	}
	key = fmt.Sprintf("%s %s %d", k.Group, k.Topic, k.Partition)
	if e.Value == nil {
		return key, offset{}, true
	}
	o, err := decodeOffset(e.Value)
	if err != nil {
		panic(err)
	}
	o.at = e.at
	return key, o, true
}

// end returns the marker that ends the transaction of the entry, if it is there.
func (l ledger) end(i int) (commit, ended bool) {
	for _, e := range l.log[i:] {
		if e.marker && e.producerID == l.log[i].producerID {
			return e.commit, true
		}
	}
	return false, false
}

// read returns the offsets that hold and the keys of those that are pending. Of the commits after the last tombstone
// of a partition the last one holds that is of no transaction or of a committed one.
func (l ledger) read() (committed map[string]offset, pending map[string][]int64) {
	committed, pending = make(map[string]offset), make(map[string][]int64)
	for i, e := range l.log {
		key, o, ok := commitOf(e)
		switch {
		case !ok:
			continue
		case e.Value == nil:
			delete(committed, key)
			delete(pending, key)
			continue
		case e.producerID < 0:
			committed[key] = o
			continue
		}
		commit, ended := l.end(i)
		switch {
		case !ended:
			if !slices.Contains(pending[key], e.producerID) {
				pending[key] = append(pending[key], e.producerID)
			}
		case commit:
			committed[key] = o
		}
	}
	return committed, pending
}

// compacted returns what a cleaner leaves of the log: below the first open transaction, no records of aborted
// transactions and of each key the last one.
func (l ledger) compacted() []entry {
	clean := len(l.log)
	for i, e := range l.log {
		if _, ended := l.end(i); e.producerID >= 0 && !e.marker && !ended {
			clean = i
			break
		}
	}
	last := make(map[string]int)
	for i, e := range l.log[:clean] {
		if commit, _ := l.end(i); !e.marker && (e.producerID < 0 || commit) {
			last[string(e.Key)] = i
		}
	}
	var kept []entry
	for i, e := range l.log {
		if j, ok := last[string(e.Key)]; i >= clean || e.marker || ok && i == j {
			kept = append(kept, e)
		}
	}
	return kept
}

// held returns the offsets and pending sets of a machine in the form of a ledger.
func held(m *Machine) (committed map[string]offset, pending map[string][]int64) {
	committed, pending = make(map[string]offset), make(map[string][]int64)
	for id := range m.offsets {
		m.offsets.each(id, func(topic string, partition int32, o offset) {
			committed[fmt.Sprintf("%s %s %d", id, topic, partition)] = o
		})
	}
	for id := range m.pending.producers {
		m.pending.producers.each(id, func(topic string, partition int32, producers []int64) {
			pending[fmt.Sprintf("%s %s %d", id, topic, partition)] = producers
		})
	}
	return committed, pending
}

// check verifies that the two sides of what is pending agree, and that nothing empty is kept.
func (p *pendingOffsets) check() error {
	counted := 0
	for producerID, store := range p.byProducer {
		if len(store) == 0 {
			return fmt.Errorf("producer %d has nothing pending, but is remembered", producerID)
		}
		for id := range store {
			var err error
			store.each(id, func(topic string, partition int32, _ offset) {
				counted++
				if producers, _ := p.producers.get(id, topic, partition); !slices.Contains(producers, producerID) {
					err = fmt.Errorf("%s %s/%d of producer %d is not indexed", id, topic, partition, producerID)
				}
			})
			if err != nil {
				return err
			}
		}
	}
	for id := range p.producers {
		p.producers.each(id, func(_ string, _ int32, producers []int64) { counted -= len(producers) })
	}
	if counted != 0 {
		return fmt.Errorf("the index differs by %d entries", counted)
	}
	return nil
}

// trade is producers that commit to two groups at random.
type trade struct {
	*world
	sent int64
}

func TestRandomTransactions(t *testing.T) {
	rapidFor(t, "200", "50")
	rapid.Check(t, func(t *rapid.T) {
		w := &trade{world: newWorld()}
		w.config.OffsetsRetentionMs, w.config.OffsetsRetentionCheckIntervalMs = 20_000, 5_000
		if err := w.reload(); err != nil {
			t.Fatal(err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"txn commit": func(t *rapid.T) {
				w.play(t, "txn-commit T v=5 producer=%d group=%s offsets=%s", drawProducer(t), drawGroup(t), w.offsets(t))
			},
			"commit": func(t *rapid.T) {
				w.play(t, "commit C id=%d group=%s offsets=%s", drawTopicID(t), drawGroup(t), w.offsets(t))
			},
			"end":           func(t *rapid.T) { w.play(t, "end %s producer=%d", drawOutcome(t), drawProducer(t)) },
			"offset delete": func(t *rapid.T) { w.play(t, "offset-delete D group=%s topics=%s", drawGroup(t), drawPartition(t)) },
			"delete group":  func(t *rapid.T) { w.play(t, "delete-groups D groups=%s", drawGroup(t)) },
			"delete topic":  func(t *rapid.T) { w.play(t, "delete-topics topics=t:%d", drawTopicID(t)) },
			"reload":        func(t *rapid.T) { w.play(t, "reload") },
			"advance":       func(t *rapid.T) { w.Advance(time.Duration(rapid.IntRange(1, 9).Draw(t, "s")) * time.Second) },
			"refuse":        func(*rapid.T) { w.Refuse = protocol.NotEnoughReplicas },
			"accept":        func(*rapid.T) { w.Refuse = nil },
			"":              w.verify,
		})
	})
}

func drawProducer(t *rapid.T) int { return rapid.IntRange(1, 3).Draw(t, "producer") }
func drawGroup(t *rapid.T) string { return rapid.SampledFrom([]string{"g", "h"}).Draw(t, "group") }
func drawTopicID(t *rapid.T) int  { return rapid.IntRange(1, 2).Draw(t, "id") }
func drawOutcome(t *rapid.T) string {
	return rapid.SampledFrom([]string{"commit", "commit", "abort"}).Draw(t, "outcome")
}
func drawPartition(t *rapid.T) string {
	return rapid.SampledFrom([]string{"t/0", "t/1", "u/0"}).Draw(t, "partition")
}

// offsets draws one or two partitions to commit, each with an offset that was never sent before.
func (w *trade) offsets(t *rapid.T) string {
	drawn := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"t/0", "t/1", "u/0"}), 1, 2, rapid.ID[string]).Draw(t, "partitions")
	for i := range drawn {
		w.sent++
		drawn[i] = fmt.Sprintf("%s:%d", drawn[i], w.sent)
	}
	return strings.Join(drawn, ",")
}

func (w *trade) play(t *rapid.T, format string, args ...any) {
	if err := w.run(fmt.Sprintf(format, args...)); err != nil {
		t.Fatal(err)
	}
}

func (w *trade) verify(t *rapid.T) {
	if err := w.check(); err != nil {
		t.Fatal(err)
	}
	l := ledger{w.log}
	wantCommitted, wantPending := l.read()
	compare := func(who string, m *Machine) {
		committed, pending := held(m)
		if !maps.Equal(committed, wantCommitted) || !maps.EqualFunc(pending, wantPending, slices.Equal[[]int64]) {
			t.Fatalf("%s: offsets %v pending %v\nwant: offsets %v pending %v\nlog:\n%s", who, committed, pending, wantCommitted, wantPending, w.Out.String())
		}
		if err := m.pending.check(); err != nil {
			t.Fatalf("%s: %v", who, err)
		}
	}
	compare("live", w.m)
	for who, log := range map[string][]entry{"reloaded": w.log, "reloaded after compaction": l.compacted()} {
		m, err := replayed(w.m, new(machine.Timers), log)
		if err != nil {
			t.Fatal(err)
		}
		compare(who, m)
	}
	w.verifyFetch(t, wantCommitted, wantPending)
}

// verifyFetch checks what clients are told.
func (w *trade) verifyFetch(t *rapid.T, committed map[string]offset, pending map[string][]int64) {
	for _, stable := range []bool{false, true} {
		for _, id := range []string{"g", "h"} {
			req := kmsg.NewOffsetFetchRequestGroup()
			req.Group = id
			for _, tp := range []string{"t/0", "t/1", "u/0"} {
				topic := kmsg.NewOffsetFetchRequestGroupTopic()
				var partition int32
				topic.Topic, partition = topicPartition(tp)
				topic.Partitions = []int32{partition}
				req.Topics = append(req.Topics, topic)
			}
			w.m.OffsetFetch(9, stable, &req, func(resp kmsg.OffsetFetchResponseGroup) {
				for _, topic := range resp.Topics {
					key := fmt.Sprintf("%s %s %d", id, topic.Topic, topic.Partitions[0].Partition)
					want, code := int64(-1), protocol.None
					if o, ok := committed[key]; ok {
						want = o.committed
					}
					if stable && len(pending[key]) > 0 {
						want, code = -1, protocol.UnstableOffsetCommit
					}
					if p := topic.Partitions[0]; p.Offset != want || protocol.Code(p.ErrorCode) != code {
						t.Fatalf("%s, stable %v: %d %s, want %d %s", key, stable, p.Offset, protocol.Code(p.ErrorCode).Name(), want, code.Name())
					}
				}
			}).Done(w.Now, nil)
		}
	}
}
