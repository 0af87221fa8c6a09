package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"ottla.dev/interop/gocheck"
)

// restart has the node restarted while a producer sends and a member consumes; both go on by themselves.
func restart(c c, how string) {
	topic, group := newTopic(c, 2, "retention.ms", "7654321"), gocheck.Unique("g")
	seen := gocheck.NewSeen()
	m := join(c, group, topic, seen, groupConfig())
	defer m.Leave()
	gocheck.Settle(c, map[string]gocheck.Member{"m": m}, 2)
	producer, err := sarama.NewAsyncProducer([]string{gocheck.Bootstrap()}, idempotentConfig())
	c.Must(err, "connect a producer")
	var sent, acknowledged atomic.Int64
	stopping := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		for e := range producer.Errors() {
			select {
			case failed <- e.Err:
			default:
			}
		}
		close(failed)
	}()
	acks := make(chan struct{})
	go func() {
		defer close(acks)
		for range producer.Successes() {
			acknowledged.Add(1)
		}
	}()
	go func() {
		defer producer.AsyncClose()
		for i := 0; ; i++ {
			select {
			case producer.Input() <- record(topic, int32(i%2), fmt.Appendf(nil, "%d", i)):
				sent.Add(1)
			case <-stopping:
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	more := func(want int64) {
		c.Eventually(func() string {
			if now := acknowledged.Load(); now < want {
				return fmt.Sprintf("%d of %d records are acknowledged", now, want)
			}
			return ""
		})
	}
	more(300)
	c.Restart(how)
	more(sent.Load() + 300)
	close(stopping)
	<-acks
	c.Must(<-failed, "produce over the restart")
	var all []string
	for i := range sent.Load() {
		all = append(all, fmt.Sprint(i))
	}
	c.Eventually(func() string { return gocheck.Listed("not seen by the member", seen.Missing(all)) })
	for p, records := range readAll(c, config(), topic, 2, len(all)) {
		for i, r := range records {
			if want := fmt.Sprint(2*i + int(p)); string(r.Value) != want {
				c.Fatalf("partition %d: record %d is %s, want %s", p, i, r.Value, want)
			}
		}
	}
	adm := admin(c)
	defer adm.Close()
	c.Eventually(func() string {
		got := offsets(c, adm, group, topic, 0, 1)
		if sum := got[0].Offset + got[1].Offset; sum != int64(len(all)) {
			return fmt.Sprintf("committed %d of %d records", sum, len(all))
		}
		return ""
	})
	entries := describeConfig(c, adm, &sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}})
	if len(entries) != 1 || entries[0].Value != "7654321" {
		c.Fatalf("retention.ms after the restart: %+v", entries)
	}
}
