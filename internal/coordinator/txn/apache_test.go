package txn

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/scripttest"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// TestStepsOfApacheKafka has the machine take the steps that Apache Kafka 4.3.1 took when it wrote the log in testdata (see
// the service's TestLogOfApacheKafka for what is in it), each at its time: it writes the same records, to the
// byte, but that the partitions are in the order in which they were added (Kafka's is that of a hash table).
func TestStepsOfApacheKafka(t *testing.T) {
	records := apacheRecords(t)
	w := newWorld()
	w.Hold = true // the test says when records are committed
	for i, r := range records {
		before := len(w.log)
		id, md := mustDecode(r)
		if w.level = 2; md != nil && r.Value[1] == 0 {
			w.level = 0 // the version of the record says so
		}
		w.stepTo(t, id, md)
		if len(w.log) != before+1 {
			t.Fatalf("record %d (%s): %d records were written instead of one\n%s", i, w.formatRecord(r), len(w.log)-before, w.Out.String())
		}
		if got := w.log[before]; !bytes.Equal(got.Key, r.Key) || !bytes.Equal(inOrder(got.Value), inOrder(r.Value)) {
			t.Fatalf("record %d:\n%s\n%x\nis here\n%s\n%x", i, w.formatRecord(r), r.Value, w.formatRecord(got), got.Value)
		}
	}
	if len(records) < 40 {
		t.Errorf("only %d records were compared", len(records))
	}
	w.Release(nil)
	if err := errors.Join(w.check(), w.CheckAllAnswered()); err != nil {
		t.Error(err)
	}
}

// stepTo does what leads to the metadata; nil is the end of the id.
func (w *world) stepTo(t *testing.T, id string, md *metadata) {
	if md == nil {
		w.Release(nil)
		w.config.IDExpirationMs = 0
		w.apply(w.m.expire(w.Now))
		w.config.IDExpirationMs = DefaultConfig().IDExpirationMs
		return
	}
	w.Now = time.UnixMilli(md.updatedMs)
	w.Release(nil) // the last record is committed now: the end of a transaction has the time of that
	x := w.m.transactions[id]
	if md.state == Empty {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version, req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = 4, &id, md.timeoutMs, -1, -1
		w.nextID = md.producerID
		answered := w.Asked("init")
		w.apply(w.m.InitProducerID(w.Now, req, func(resp *kmsg.InitProducerIDResponse) { answered("%d", resp.ErrorCode) }))
		return
	}
	before := x.latest
	switch {
	case md.state == Ongoing:
		var partitions []TopicPartition
		for _, topic := range md.topics {
			for _, p := range topic.Partitions {
				partitions = append(partitions, TopicPartition{topic.Topic, p})
			}
		}
		answered := w.Asked("add")
		w.apply(w.m.AddPartitions(w.Now, id, before.producerID, before.producerEpoch, missing(before.topics, partitions), md.clientVersion, func(code protocol.Code) { answered("%s", code.Name()) }))
	case md.state.isPrepared() && id == "timed-out":
		w.apply(w.m.abortTimedOut(w.Now, x))
	case md.state.isPrepared():
		req := kmsg.NewPtrEndTxnRequest()
		req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = 3+md.clientVersion, id, before.producerID, before.producerEpoch, md.state == PrepareCommit
		answered := w.Asked("end")
		w.apply(w.m.EndTxn(w.Now, req, func(resp *kmsg.EndTxnResponse) { answered("%d", resp.ErrorCode) }))
	default:
		w.apply(w.m.MarkersAnswered(w.Now, w.sent[len(w.sent)-1], answerTo(w.sent[len(w.sent)-1], func(TopicPartition) protocol.Code { return 0 })))
	}
}

// inOrder sorts the partitions in the value of a record, if there are several.
func inOrder(value []byte) []byte {
	v := kmsg.NewTxnMetadataValue()
	if value == nil || v.ReadFrom(value) != nil || len(v.Topics) == 0 || len(v.Topics) == 1 && len(v.Topics[0].Partitions) == 1 {
		return value
	}
	slices.SortFunc(v.Topics, func(a, b kmsg.TxnMetadataValueTopic) int { return strings.Compare(a.Topic, b.Topic) })
	for _, topic := range v.Topics {
		slices.Sort(topic.Partitions)
	}
	return v.AppendTo(nil)
}

// apacheRecords reads the log. The level of transaction.version was raised from 0 to 1 to 2 in the meantime.
func apacheRecords(t *testing.T) (records []machine.Record) {
	t.Helper()
	for _, batch := range scripttest.ReadBatches(t, "testdata/apache-kafka-4.3.1.log") {
		reader, err := record.NewReader(batch, 0)
		if err != nil {
			t.Fatal(err)
		}
		var r record.Record
		for err = reader.Next(&r); err == nil; err = reader.Next(&r) {
			records = append(records, machine.Record{Key: slices.Clone(r.Key), Value: slices.Clone(r.Value)})
		}
		if err != io.EOF {
			t.Fatal(err)
		}
		reader.Close()
	}
	return records
}
