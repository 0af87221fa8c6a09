package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/interop/gocheck"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

var ackModes = []struct {
	name string
	acks kgo.Acks
}{{"0", kgo.NoAck()}, {"1", kgo.LeaderAck()}, {"all", kgo.AllISRAcks()}}

func produceChecks(r *gocheck.Run) {
	for _, codec := range gocheck.Codecs {
		for _, mode := range ackModes {
			r.Check("produce/"+codec+"/acks="+mode.name, 30*time.Second, func(c c) { produceAndReadBack(c, codecs[codec], mode.acks) })
		}
	}
}

// sample makes records with every kind of key and value.
func sample(topic string, partition int32, count int) []*kgo.Record {
	var records []*kgo.Record
	for i := range count {
		r := &kgo.Record{Topic: topic, Partition: partition, Timestamp: gocheck.BaseTime.Add(time.Duration(i) * time.Second)}
		if i%3 != 0 {
			r.Key = fmt.Appendf(nil, "key-%d", i)
		}
		if i%3 == 1 {
			r.Key = []byte{}
		}
		switch i % 5 {
		case 0: // a null value
		case 1:
			r.Value = []byte{}
		default:
			r.Value = bytes.Repeat(fmt.Appendf(nil, "value %d ", i), i)
		}
		for h := range i % 4 {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: fmt.Sprintf("h%d", h), Value: fmt.Appendf(nil, "%d", i)})
		}
		records = append(records, r)
	}
	return records
}

func produceAndReadBack(c c, codec kgo.CompressionCodec, acks kgo.Acks) {
	const perPartition = 100
	topic := newTopic(c, 2)
	cl := client(c, kgo.ProducerBatchCompression(codec), kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite(), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5*time.Millisecond))
	defer cl.Close()
	sent := map[int32][]*kgo.Record{}
	for p := range int32(2) {
		sent[p] = sample(topic, p, perPartition)
		c.Must(cl.ProduceSync(c, sent[p]...).FirstErr(), "produce to partition %d", p)
	}
	got := map[int32][]*kgo.Record{}
	for _, r := range readAll(c, topic, 2*perPartition) {
		got[r.Partition] = append(got[r.Partition], r)
	}
	for p := range sent {
		sameRecords(c, sent[p], got[p])
	}
}

func sameRecords(c c, sent, got []*kgo.Record) {
	if len(sent) != len(got) {
		c.Fatalf("sent %d records, read %d", len(sent), len(got))
	}
	for i, want := range sent {
		r := got[i]
		if r.Offset != int64(i) {
			c.Fatalf("record %d has offset %d", i, r.Offset)
		}
		if !sameBytes(r.Key, want.Key) || !sameBytes(r.Value, want.Value) {
			c.Fatalf("record %d: sent key %q value %q, read key %q value %q", i, want.Key, want.Value, r.Key, r.Value)
		}
		if !r.Timestamp.Equal(want.Timestamp) {
			c.Fatalf("record %d: sent timestamp %s, read %s", i, want.Timestamp, r.Timestamp)
		}
		if !slices.EqualFunc(r.Headers, want.Headers, func(a, b kgo.RecordHeader) bool { return a.Key == b.Key && sameBytes(a.Value, b.Value) }) {
			c.Fatalf("record %d: sent headers %v, read %v", i, want.Headers, r.Headers)
		}
	}
}

// sameBytes tells null from empty.
func sameBytes(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func headers(c c) {
	topic := newTopic(c, 1)
	cl := client(c)
	defer cl.Close()
	r := &kgo.Record{Topic: topic, Timestamp: gocheck.BaseTime, Headers: []kgo.RecordHeader{
		{Key: "same", Value: []byte("1")}, {Key: "same", Value: []byte("2")}, {Key: "empty", Value: []byte{}}, {Key: "null"},
		{Key: "", Value: []byte("no name")}, {Key: "bytes", Value: []byte{0, 255, 254, 1}}, {Key: "größe", Value: []byte("ü")},
	}}
	c.Must(cl.ProduceSync(c, r).FirstErr(), "produce")
	sameRecords(c, []*kgo.Record{r}, readAll(c, topic, 1))
}

func noise(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}

func largeRecord(c c) {
	topic := newTopic(c, 1, "max.message.bytes", "5000000")
	cl := client(c, kgo.ProducerBatchMaxBytes(5_000_000))
	defer cl.Close()
	sent := []*kgo.Record{
		{Topic: topic, Value: []byte("before"), Timestamp: gocheck.BaseTime},
		{Topic: topic, Value: noise(3 << 20), Timestamp: gocheck.BaseTime},
		{Topic: topic, Value: []byte("after"), Timestamp: gocheck.BaseTime},
	}
	for _, r := range sent {
		c.Must(cl.ProduceSync(c, r).FirstErr(), "produce")
	}
	sameRecords(c, sent, readAll(c, topic, len(sent), kgo.FetchMaxPartitionBytes(64<<10), kgo.FetchMaxBytes(64<<10)))
}

func largeRefused(c c) {
	topic := newTopic(c, 1)
	cl := client(c, kgo.ProducerBatchMaxBytes(5_000_000))
	defer cl.Close()
	c.WantError(cl.ProduceSync(c, &kgo.Record{Topic: topic, Value: noise(2 << 20)}).FirstErr(), kerr.MessageTooLarge, "2 MB into a topic with the default limit")
	small := &kgo.Record{Topic: topic, Value: []byte("small"), Timestamp: gocheck.BaseTime}
	c.Must(cl.ProduceSync(c, small).FirstErr(), "produce after the refusal")
	sameRecords(c, []*kgo.Record{small}, readAll(c, topic, 1))
}

func idempotent(c c) {
	const count = 3000
	topic := newTopic(c, 1)
	cl := client(c, kgo.ProducerBatchMaxBytes(1<<10))
	defer cl.Close()
	var failed atomic.Value
	for i := range count {
		cl.Produce(c, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d", i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, err.Error())
			}
		})
	}
	c.Must(cl.Flush(c), "flush")
	if reason := failed.Load(); reason != nil {
		c.Fatalf("produce: %v", reason)
	}
	for i, r := range readAll(c, topic, count) {
		if string(r.Value) != fmt.Sprint(i) {
			c.Fatalf("record %d is %s", i, r.Value)
		}
		if r.ProducerID < 0 || r.ProducerEpoch < 0 {
			c.Fatalf("record %d has producer id %d, epoch %d: it was not written by an idempotent producer", i, r.ProducerID, r.ProducerEpoch)
		}
	}
}

func autoCreate(c c) {
	topic := gocheck.Unique("auto")
	cl := client(c, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(20))
	defer cl.Close()
	r := &kgo.Record{Topic: topic, Value: []byte("v"), Timestamp: gocheck.BaseTime}
	c.Must(cl.ProduceSync(c, r).FirstErr(), "produce to a topic that is not there")
	sameRecords(c, []*kgo.Record{r}, readAll(c, topic, 1))
	adm := admin(c)
	defer adm.Close()
	topics, err := adm.ListTopics(c, topic)
	c.Must(err, "list topics")
	if got := len(topics[topic].Partitions); got != 1 {
		c.Fatalf("the topic has %d partitions, num.partitions says 1", got)
	}
	without := client(c, kgo.UnknownTopicRetries(2))
	defer without.Close()
	err = without.ProduceSync(c, &kgo.Record{Topic: gocheck.Unique("absent"), Value: []byte("v")}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		c.Fatalf("a client that forbids creation: want UNKNOWN_TOPIC_OR_PARTITION, got %v", err)
	}
}
