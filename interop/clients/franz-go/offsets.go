package main

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/interop/gocheck"
)

func offsetsByTime(c c) {
	topic := newTopic(c, 1)
	cl := client(c)
	for i := range 50 {
		r := &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d", i), Timestamp: gocheck.BaseTime.Add(time.Duration(i) * time.Second)}
		c.Must(cl.ProduceSync(c, r).FirstErr(), "produce")
	}
	cl.Close()
	adm := admin(c)
	defer adm.Close()
	base := gocheck.BaseTime.UnixMilli()
	for _, t := range []struct {
		what         string
		milli        int64
		offset, time int64
	}{
		{"before all", base - 1, 0, base},
		{"the time of a record", base + 20_000, 20, base + 20_000},
		{"between two", base + 20_001, 21, base + 21_000},
		{"after all", base + 49_001, 50, -1},
		{"the largest timestamp", -3, 49, base + 49_000},
	} {
		listed, err := adm.ListOffsetsAfterMilli(c, t.milli, topic)
		c.Must(err, "list offsets for %s", t.what)
		o, ok := listed.Lookup(topic, 0)
		if !ok || o.Err != nil || o.Offset != t.offset || o.Timestamp != t.time && t.time >= 0 {
			c.Fatalf("%s: want offset %d at %d, got %+v", t.what, t.offset, t.time, o)
		}
	}
	ends, err := adm.ListEndOffsets(c, topic)
	c.Must(err, "list end offsets")
	if o, _ := ends.Lookup(topic, 0); o.Offset != 50 {
		c.Fatalf("end offset %d, want 50", o.Offset)
	}
	from := client(c, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AfterMilli(base+30_000)))
	defer from.Close()
	if records := from.PollFetches(c).Records(); len(records) == 0 || records[0].Offset != 30 {
		c.Fatalf("consuming from a time started with %v, want offset 30", records)
	}
}

func offsetsOutOfRange(c c) {
	topic := newTopic(c, 1)
	cl := client(c)
	defer cl.Close()
	sent := []*kgo.Record{{Topic: topic, Value: []byte("a"), Timestamp: gocheck.BaseTime}, {Topic: topic, Value: []byte("b"), Timestamp: gocheck.BaseTime}}
	c.Must(cl.ProduceSync(c, sent...).FirstErr(), "produce")
	beyond := client(c, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(1000)}}), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer beyond.Close()
	var got []*kgo.Record
	for len(got) < len(sent) && c.Err() == nil {
		got = append(got, beyond.PollFetches(c).Records()...)
	}
	sameRecords(c, sent, got)
}
