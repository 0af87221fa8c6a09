package main

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"ottla.dev/interop/gocheck"
)

func offsetsByTime(c c) {
	topic := newTopic(c, 1)
	var sent []*sarama.ProducerMessage
	for i := range 50 {
		r := record(topic, 0, fmt.Appendf(nil, "%d", i))
		r.Timestamp = gocheck.BaseTime.Add(time.Duration(i) * time.Second)
		sent = append(sent, r)
	}
	c.Must(send(c, config(), sent), "produce")
	cl := connect(c, config())
	defer cl.Close()
	base := gocheck.BaseTime.UnixMilli()
	for _, t := range []struct {
		what         string
		time, offset int64
	}{
		{"before all", base - 1, 0}, {"the time of a record", base + 20_000, 20}, {"between two", base + 20_001, 21}, {"the last", base + 49_000, 49},
		{"after all", base + 49_001, -1}, {"the oldest", sarama.OffsetOldest, 0}, {"the newest", sarama.OffsetNewest, 50},
	} {
		offset, err := cl.GetOffset(topic, 0, t.time)
		if t.offset < 0 && err != nil {
			c.WantError(err, sarama.ErrOffsetOutOfRange, "the offset of "+t.what) // sarama's way to say that there is none
			continue
		}
		c.Must(err, "the offset of %s", t.what)
		if offset != t.offset {
			c.Fatalf("the offset of %s: want %d, got %d", t.what, t.offset, offset)
		}
	}
	consumer, err := sarama.NewConsumerFromClient(cl)
	c.Must(err, "make a consumer")
	pc, err := consumer.ConsumePartition(topic, 0, 30)
	c.Must(err, "consume from 30")
	defer pc.AsyncClose()
	select {
	case m := <-pc.Messages():
		if m.Offset != 30 {
			c.Fatalf("consuming from 30 started with %d", m.Offset)
		}
	case <-c.Done():
		c.Fatalf("nothing came after a start at 30")
	}
}

func offsetsOutOfRange(c c) {
	topic := newTopic(c, 1)
	c.Must(send(c, config(), []*sarama.ProducerMessage{record(topic, 0, []byte("a")), record(topic, 0, []byte("b"))}), "produce")
	consumer, err := sarama.NewConsumer([]string{gocheck.Bootstrap()}, config())
	c.Must(err, "connect a consumer")
	defer consumer.Close()
	_, err = consumer.ConsumePartition(topic, 0, 1000)
	c.WantError(err, sarama.ErrOffsetOutOfRange, "consume beyond the end")
	// A group whose committed offset is beyond the end falls back to Consumer.Offsets.Initial.
	group := gocheck.Unique("g")
	adm := admin(c)
	defer adm.Close()
	commit(c, adm, group, topic, map[int32]int64{0: 1000})
	cfg := groupConfig()
	cfg.Consumer.Group.ResetInvalidOffsets = true
	seen := gocheck.NewSeen()
	m := join(c, group, topic, seen, cfg)
	defer m.Leave()
	c.Eventually(func() string {
		return gocheck.Listed("not seen after falling back", seen.Missing([]string{"a", "b"}))
	})
}
