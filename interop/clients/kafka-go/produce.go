package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"ottla.dev/interop/gocheck"
)

var codecs = map[string]kafka.Compression{"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd}

var ackModes = []struct {
	name string
	acks kafka.RequiredAcks
}{{"0", kafka.RequireNone}, {"1", kafka.RequireOne}, {"all", kafka.RequireAll}}

func produceChecks(r *gocheck.Run) {
	for _, codec := range gocheck.Codecs {
		for _, mode := range ackModes {
			r.Check("produce/"+codec+"/acks="+mode.name, 30*time.Second, func(c c) { produceAndReadBack(c, codecs[codec], mode.acks) })
		}
	}
}

// sample makes records with every kind of key and value.
func sample(partition, count int) []kafka.Message {
	var messages []kafka.Message
	for i := range count {
		m := kafka.Message{Partition: partition, Time: gocheck.BaseTime.Add(time.Duration(i) * time.Second)}
		switch i % 3 {
		case 1:
			m.Key = []byte{}
		case 2:
			m.Key = fmt.Appendf(nil, "key-%d", i)
		}
		switch i % 5 {
		case 0: // a null value
		case 1:
			m.Value = []byte{}
		default:
			m.Value = bytes.Repeat(fmt.Appendf(nil, "value %d ", i), i)
		}
		for h := range i % 4 {
			m.Headers = append(m.Headers, kafka.Header{Key: fmt.Sprintf("h%d", h), Value: fmt.Appendf(nil, "%d", i)})
		}
		messages = append(messages, m)
	}
	return messages
}

func produceAndReadBack(c c, codec kafka.Compression, acks kafka.RequiredAcks) {
	const perPartition = 100
	topic := newTopic(c, 2)
	for p := range 2 {
		w := writer(topic)
		w.Compression, w.RequiredAcks = codec, acks
		c.Must(send(c, w, sample(p, perPartition)), "produce to partition %d", p)
	}
	for p := range 2 {
		sameRecords(c, sample(p, perPartition), read(c, topic, p, kafka.FirstOffset, perPartition))
	}
}

func sameRecords(c c, sent, got []kafka.Message) {
	if len(sent) != len(got) {
		c.Fatalf("sent %d records, read %d", len(sent), len(got))
	}
	for i, want := range sent {
		m := got[i]
		if m.Offset != int64(i) {
			c.Fatalf("record %d has offset %d", i, m.Offset)
		}
		// kafka-go reads null as empty.
		if !bytes.Equal(m.Key, want.Key) || !bytes.Equal(m.Value, want.Value) {
			c.Fatalf("record %d: sent key %q value %q, read key %q value %q", i, want.Key, want.Value, m.Key, m.Value)
		}
		if !m.Time.Equal(want.Time) {
			c.Fatalf("record %d: sent timestamp %s, read %s", i, want.Time, m.Time)
		}
		if len(m.Headers) != len(want.Headers) {
			c.Fatalf("record %d: sent headers %v, read %v", i, want.Headers, m.Headers)
		}
		for h, header := range want.Headers {
			if m.Headers[h].Key != header.Key || !bytes.Equal(m.Headers[h].Value, header.Value) {
				c.Fatalf("record %d: sent headers %v, read %v", i, want.Headers, m.Headers)
			}
		}
	}
}

func message(value string) kafka.Message {
	return kafka.Message{Value: []byte(value), Time: gocheck.BaseTime}
}

func headers(c c) {
	topic := newTopic(c, 1)
	m := message("v")
	for _, h := range []struct{ key, value string }{{"same", "1"}, {"same", "2"}, {"empty", ""}, {"", "no name"}, {"bytes", "\x00\xff\xfe\x01"}, {"größe", "ü"}} {
		m.Headers = append(m.Headers, kafka.Header{Key: h.key, Value: []byte(h.value)})
	}
	m.Headers = append(m.Headers, kafka.Header{Key: "null"})
	c.Must(send(c, writer(topic), []kafka.Message{m}), "produce")
	sameRecords(c, []kafka.Message{m}, read(c, topic, 0, kafka.FirstOffset, 1))
}

func noise(size int) string {
	b := make([]byte, size)
	rand.Read(b)
	return string(b)
}

func largeRecord(c c) {
	topic := newTopic(c, 1, "max.message.bytes", "5000000")
	sent := []kafka.Message{message("before"), message(noise(3 << 20)), message("after")}
	for _, m := range sent {
		w := writer(topic)
		w.BatchBytes = 6_000_000
		c.Must(send(c, w, []kafka.Message{m}), "produce")
	}
	sameRecords(c, sent, read(c, topic, 0, kafka.FirstOffset, len(sent)))
}

func largeRefused(c c) {
	topic := newTopic(c, 1)
	w := writer(topic)
	w.BatchBytes, w.MaxAttempts = 6_000_000, 1
	c.WantError(send(c, w, []kafka.Message{message(noise(2 << 20))}), kafka.MessageSizeTooLarge, "2 MB into a topic with the default limit")
	small := []kafka.Message{message("small")}
	c.Must(send(c, writer(topic), small), "produce after the refusal")
	sameRecords(c, small, read(c, topic, 0, kafka.FirstOffset, 1))
}

func offsetsByTime(c c) {
	topic := newTopic(c, 1)
	var sent []kafka.Message
	for i := range 50 {
		sent = append(sent, kafka.Message{Value: fmt.Appendf(nil, "%d", i), Time: gocheck.BaseTime.Add(time.Duration(i) * time.Second)})
	}
	c.Must(send(c, writer(topic), sent), "produce")
	at := func(after time.Duration) kafka.OffsetRequest {
		return kafka.TimeOffsetOf(0, gocheck.BaseTime.Add(after))
	}
	for _, t := range []struct {
		what   string
		want   kafka.OffsetRequest
		offset int64
	}{
		{"before all", at(-time.Millisecond), 0}, {"the time of a record", at(20 * time.Second), 20}, {"between two", at(20*time.Second + time.Millisecond), 21},
		{"the last", at(49 * time.Second), 49}, {"after all", at(49*time.Second + time.Millisecond), -1},
		{"the first", kafka.FirstOffsetOf(0), 0}, {"the end", kafka.LastOffsetOf(0), 50},
	} {
		offset, err := offsetOf(c, topic, t.want)
		c.Must(err, "the offset of %s", t.what)
		if offset != t.offset {
			c.Fatalf("the offset of %s: want %d, got %d", t.what, t.offset, offset)
		}
	}
	if got := read(c, topic, 0, 30, 20); got[0].Offset != 30 {
		c.Fatalf("reading from 30 started with %d", got[0].Offset)
	}
}

func offsetsOutOfRange(c c) {
	topic := newTopic(c, 1)
	c.Must(send(c, writer(topic), []kafka.Message{message("a"), message("b")}), "produce")
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{gocheck.Bootstrap()}, Topic: topic, MaxAttempts: 1, OffsetOutOfRangeError: true})
	defer r.Close()
	c.Must(r.SetOffset(1000), "seek")
	_, err := r.ReadMessage(c)
	c.WantError(err, kafka.OffsetOutOfRange, "read beyond the end")
}

func autoCreate(c c) {
	topic := gocheck.Unique("auto")
	sent := []kafka.Message{message("v")}
	c.Eventually(func() string { // kafka-go leaves it to its user to send again while the topic is being made
		w := writer(topic)
		w.AllowAutoTopicCreation = true
		err := send(c, w, sent)
		if errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, kafka.LeaderNotAvailable) {
			return err.Error()
		}
		c.Must(err, "produce to a topic that is not there")
		return ""
	})
	sameRecords(c, sent, read(c, topic, 0, kafka.FirstOffset, 1))
	if got := len(describeTopic(c, topic).Partitions); got != 1 {
		c.Fatalf("the topic has %d partitions, num.partitions says 1", got)
	}
}
