package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"ottla.dev/interop/gocheck"
)

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

var ackModes = []struct {
	name string
	acks sarama.RequiredAcks
}{{"0", sarama.NoResponse}, {"1", sarama.WaitForLocal}, {"all", sarama.WaitForAll}}

func produceChecks(r *gocheck.Run) {
	for _, codec := range gocheck.Codecs {
		for _, mode := range ackModes {
			r.Check("produce/"+codec+"/acks="+mode.name, 30*time.Second, func(c c) {
				cfg := config()
				cfg.Producer.Compression, cfg.Producer.RequiredAcks, cfg.Net.MaxOpenRequests = codecs[codec], mode.acks, 1
				produceAndReadBack(c, cfg)
			})
		}
	}
}

func record(topic string, partition int32, value []byte) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{Topic: topic, Partition: partition, Value: sarama.ByteEncoder(value), Timestamp: gocheck.BaseTime}
}

// sample makes records with every kind of key and value.
func sample(topic string, partition int32, count int) []*sarama.ProducerMessage {
	var records []*sarama.ProducerMessage
	for i := range count {
		r := &sarama.ProducerMessage{Topic: topic, Partition: partition, Timestamp: gocheck.BaseTime.Add(time.Duration(i) * time.Second)}
		switch i % 3 {
		case 1:
			r.Key = sarama.ByteEncoder{}
		case 2:
			r.Key = sarama.StringEncoder(fmt.Sprintf("key-%d", i))
		}
		switch i % 5 {
		case 0: // a null value
		case 1:
			r.Value = sarama.ByteEncoder{}
		default:
			r.Value = sarama.ByteEncoder(bytes.Repeat(fmt.Appendf(nil, "value %d ", i), i))
		}
		for h := range i % 4 {
			r.Headers = append(r.Headers, sarama.RecordHeader{Key: fmt.Appendf(nil, "h%d", h), Value: fmt.Appendf(nil, "%d", i)})
		}
		records = append(records, r)
	}
	return records
}

func produceAndReadBack(c c, cfg *sarama.Config) {
	const perPartition = 100
	topic := newTopic(c, 2)
	sent := map[int32][]*sarama.ProducerMessage{0: sample(topic, 0, perPartition), 1: sample(topic, 1, perPartition)}
	for p := range sent {
		c.Must(send(c, cfg, sent[p]), "produce to partition %d", p)
	}
	got := readAll(c, config(), topic, 2, 2*perPartition)
	for p := range sent {
		sameRecords(c, sent[p], got[p])
	}
}

func encoded(c c, e sarama.Encoder) []byte {
	if e == nil {
		return nil
	}
	b, err := e.Encode()
	c.Must(err, "encode")
	return b
}

func sameRecords(c c, sent []*sarama.ProducerMessage, got []*sarama.ConsumerMessage) {
	if len(sent) != len(got) {
		c.Fatalf("sent %d records, read %d", len(sent), len(got))
	}
	for i, want := range sent {
		r, key, value := got[i], encoded(c, want.Key), encoded(c, want.Value)
		if r.Offset != int64(i) {
			c.Fatalf("record %d has offset %d", i, r.Offset)
		}
		if !sameBytes(r.Key, key) || !sameBytes(r.Value, value) {
			c.Fatalf("record %d: sent key %q value %q, read key %q value %q", i, key, value, r.Key, r.Value)
		}
		if !r.Timestamp.Equal(want.Timestamp) {
			c.Fatalf("record %d: sent timestamp %s, read %s", i, want.Timestamp, r.Timestamp)
		}
		if len(r.Headers) != len(want.Headers) {
			c.Fatalf("record %d: sent %d headers, read %d", i, len(want.Headers), len(r.Headers))
		}
		for h, header := range want.Headers {
			if !bytes.Equal(header.Key, r.Headers[h].Key) || !sameBytes(header.Value, r.Headers[h].Value) {
				c.Fatalf("record %d: sent header %q=%q, read %q=%q", i, header.Key, header.Value, r.Headers[h].Key, r.Headers[h].Value)
			}
		}
	}
}

// sameBytes tells null from empty.
func sameBytes(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func headers(c c) {
	topic := newTopic(c, 1)
	r := record(topic, 0, []byte("v"))
	for _, h := range []struct{ key, value string }{{"same", "1"}, {"same", "2"}, {"empty", ""}, {"", "no name"}, {"bytes", "\x00\xff\xfe\x01"}, {"größe", "ü"}} {
		r.Headers = append(r.Headers, sarama.RecordHeader{Key: []byte(h.key), Value: []byte(h.value)})
	}
	r.Headers = append(r.Headers, sarama.RecordHeader{Key: []byte("null")})
	sent := []*sarama.ProducerMessage{r}
	c.Must(send(c, config(), sent), "produce")
	sameRecords(c, sent, readAll(c, config(), topic, 1, 1)[0])
}

func noise(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}

func largeRecord(c c) {
	topic := newTopic(c, 1, "max.message.bytes", "5000000")
	large := config()
	large.Producer.MaxMessageBytes = 6_000_000
	sent := []*sarama.ProducerMessage{record(topic, 0, []byte("before")), record(topic, 0, noise(3<<20)), record(topic, 0, []byte("after"))}
	for _, r := range sent {
		c.Must(send(c, large, []*sarama.ProducerMessage{r}), "produce")
	}
	small := config()
	small.Consumer.Fetch.Default = 64 << 10
	sameRecords(c, sent, readAll(c, small, topic, 1, len(sent))[0])
}

func largeRefused(c c) {
	topic := newTopic(c, 1)
	large := config()
	large.Producer.MaxMessageBytes = 6_000_000
	c.WantError(send(c, large, []*sarama.ProducerMessage{record(topic, 0, noise(2<<20))}), sarama.ErrMessageSizeTooLarge, "2 MB into a topic with the default limit")
	small := []*sarama.ProducerMessage{record(topic, 0, []byte("small"))}
	c.Must(send(c, config(), small), "produce after the refusal")
	sameRecords(c, small, readAll(c, config(), topic, 1, 1)[0])
}

func idempotentConfig() *sarama.Config {
	cfg := config()
	cfg.Producer.Idempotent, cfg.Producer.RequiredAcks, cfg.Net.MaxOpenRequests = true, sarama.WaitForAll, 1
	return cfg
}

func idempotent(c c) {
	const count = 3000
	topic := newTopic(c, 1)
	cfg := idempotentConfig()
	cfg.Producer.Flush.MaxMessages, cfg.Producer.Flush.Frequency = 20, 0
	var sent []*sarama.ProducerMessage
	for i := range count {
		sent = append(sent, record(topic, 0, fmt.Appendf(nil, "%d", i)))
	}
	c.Must(send(c, cfg, sent), "produce")
	for i, r := range sent {
		if r.Offset != int64(i) {
			c.Fatalf("record %d was answered with offset %d", i, r.Offset)
		}
	}
	reading := config()
	reading.Consumer.IsolationLevel = sarama.ReadCommitted
	sameRecords(c, sent, readAll(c, reading, topic, 1, count)[0])
}

func autoCreate(c c) {
	topic := gocheck.Unique("auto")
	sent := []*sarama.ProducerMessage{record(topic, 0, []byte("v"))}
	c.Must(send(c, config(), sent), "produce to a topic that is not there")
	sameRecords(c, sent, readAll(c, config(), topic, 1, 1)[0])
	cl := connect(c, config())
	defer cl.Close()
	partitions, err := cl.Partitions(topic)
	c.Must(err, "partitions")
	if len(partitions) != 1 {
		c.Fatalf("the topic has %d partitions, num.partitions says 1", len(partitions))
	}
}
