package txn

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/scripttest"
)

func drawMetadata(t *rapid.T) *metadata {
	md := &metadata{
		state:      State(rapid.IntRange(0, 7).Draw(t, "state")),
		producerID: rapid.Int64().Draw(t, "producer"), producerEpoch: rapid.Int16().Draw(t, "epoch"),
		timeoutMs: rapid.Int32().Draw(t, "timeout"), startMs: rapid.Int64().Draw(t, "start"), updatedMs: rapid.Int64().Draw(t, "updated"),
		previousProducerID: rapid.Int64().Draw(t, "previous"), nextProducerID: rapid.Int64().Draw(t, "next"),
		clientVersion: rapid.Int16().Draw(t, "client"), lastProducerEpoch: noProducerEpoch,
	}
	if md.state != Empty {
		for i, n := range rapid.SliceOfN(rapid.IntRange(1, 4), 0, 3).Draw(t, "topics") {
			topic := TopicPartitions{Topic: strings.Repeat("t", i+1)}
			for p := range n {
				topic.Partitions = append(topic.Partitions, int32(p))
			}
			md.topics = append(md.topics, topic)
		}
	}
	return md
}

func TestRecordsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		md := drawMetadata(t)
		version := int16(rapid.IntRange(0, 1).Draw(t, "version"))
		r, _ := encodeRecord("id", md, version, nil)
		id, back := mustDecode(r)
		if version == 0 {
			md.previousProducerID, md.nextProducerID, md.clientVersion = noProducerID, noProducerID, 0
		}
		if got, want := describeAll(back), describeAll(md); id != "id" || got != want {
			t.Fatalf("%s came back as %s", want, got)
		}
	})
}

func describeAll(md *metadata) string {
	topics := md.topics
	md.topics = nil
	s := fmt.Sprintf("%+v %s", *md, formatTopics(topics))
	md.topics = topics
	return s
}

func TestRecordsOfUnknownVersionsAreSkipped(t *testing.T) {
	var logged strings.Builder
	m := NewMachine(Options{
		Logger: slog.New(slog.NewTextHandler(&logged, nil)), Timers: new(machine.Timers), Config: DefaultConfig,
	})
	good, _ := encodeRecord("x", newMetadata(1, 1, 1), 1, nil)
	later := good
	later.Value = append([]byte{0, 2}, good.Value[2:]...)
	for _, r := range []machine.Record{good, {Key: []byte{0, 1, 0, 0}, Value: good.Value}, later, {Key: []byte{0, 9}}} {
		if err := m.Replay(0, r); err != nil {
			t.Fatal(err)
		}
	}
	m.Loaded(time.UnixMilli(0))
	if m.transactions["x"].latest.producerID != 1 || len(m.transactions) != 1 || !strings.Contains(logged.String(), "records=3") {
		t.Errorf("%d transactions, logged %s", len(m.transactions), logged.String())
	}
}

// TestDamagedRecords are an error: to leave out a record would bring back an older state.
func TestDamagedRecords(t *testing.T) {
	good, _ := encodeRecord("x", newMetadata(1, 1, 1).added([]TopicPartition{{"t", 0}}, 2, 1), 1, nil)
	noState := kmsg.NewTxnMetadataValue()
	noState.Version, noState.State = 1, 8
	for name, r := range map[string]machine.Record{
		"no key":     {Key: []byte{}, Value: good.Value},
		"short key":  {Key: good.Key[:3], Value: good.Value},
		"no value":   {Key: good.Key, Value: []byte{}},
		"cut off":    {Key: good.Key, Value: good.Value[:len(good.Value)-20]},
		"no state 8": {Key: good.Key, Value: noState.AppendTo(nil)},
	} {
		m := NewMachine(Options{})
		if err := m.Replay(7, r); err == nil || !strings.Contains(err.Error(), "offset 7") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzReplay feeds the machine records that anybody may have written.
func FuzzReplay(f *testing.F) {
	good, _ := encodeRecord("x", newMetadata(1, 1, 1).added([]TopicPartition{{"t", 0}, {"u", 3}}, 2, 1), 1, nil)
	old, _ := encodeRecord("x", newMetadata(1, 1, 1), 0, nil)
	f.Add(good.Key, good.Value)
	f.Add(old.Key, old.Value)
	f.Fuzz(func(t *testing.T, key, value []byte) {
		w := newWorld()
		if err := w.m.Replay(0, machine.Record{Key: key, Value: value}); err != nil {
			return
		}
		w.m.Loaded(w.Now)
		w.settle()
		for id := range w.m.transactions {
			w.m.DescribeTransaction(id)
			w.initProducerID(scripttest.Command{Args: map[string]string{"id": id}}, func(string, ...any) {})
		}
		w.Advance(time.Minute)
	})
}

// FuzzDecode compares our decoding with kmsg's, where kmsg can be asked without harm.
func FuzzDecode(f *testing.F) {
	good, _ := encodeRecord("x", newMetadata(1, 1, 1).added([]TopicPartition{{"t", 0}, {"u", 3}}, 2, 1), 1, nil)
	old, _ := encodeRecord("x", newMetadata(1, 1, 1).added([]TopicPartition{{"t", 0}}, 0, 1), 0, nil)
	f.Add(good.Value)
	f.Add(old.Value)
	f.Fuzz(func(t *testing.T, value []byte) {
		md, err := decodeValue(value)
		if err != nil {
			return
		}
		v := kmsg.NewTxnMetadataValue()
		if err := v.ReadFrom(value); err != nil {
			t.Fatalf("kmsg says %v", err)
		}
		var topics []TopicPartitions
		if md.state != Empty {
			for _, topic := range v.Topics {
				topics = merge(topics, nil, topic.Topic, topic.Partitions)
			}
		}
		want := &metadata{
			state: State(v.State), producerID: v.ProducerID, producerEpoch: v.ProducerEpoch, timeoutMs: v.TimeoutMillis, startMs: v.StartTimestamp,
			updatedMs: v.LastUpdateTimestamp, previousProducerID: v.PreviousProducerID, nextProducerID: v.NextProducerID,
			clientVersion: v.ClientTransactionVersion, lastProducerEpoch: noProducerEpoch, topics: topics,
		}
		if got, want := describeAll(md), describeAll(want); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}
