package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/interop/gocheck"
)

// restart has the node restarted while a producer sends and a member consumes; both go on by themselves.
func restart(c c, how string) {
	topic, group := newTopic(c, 2, "retention.ms", "7654321"), gocheck.Unique("g")
	seen := gocheck.NewSeen()
	m := join(c, group, topic, seen)
	defer m.Leave()
	gocheck.Settle(c, map[string]gocheck.Member{"m": m}, 2)
	cl := client(c, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(time.Millisecond), kgo.RecordDeliveryTimeout(time.Minute))
	defer cl.Close()
	sending, stop := context.WithCancel(c)
	defer stop()
	var sent []string
	var mu sync.Mutex
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; sending.Err() == nil; i++ {
			value := fmt.Sprint(i)
			mu.Lock()
			sent = append(sent, value)
			mu.Unlock()
			cl.Produce(c, &kgo.Record{Key: fmt.Appendf(nil, "%d", i%7), Value: []byte(value)}, func(_ *kgo.Record, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil && failed == nil {
					failed = err
				}
			})
			time.Sleep(time.Millisecond)
		}
	}()
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(sent)
	}
	waitSent(c, count, 300)
	c.Restart(how)
	waitSent(c, count, count()+300)
	stop()
	<-done
	c.Must(cl.Flush(c), "flush")
	c.Must(failed, "produce over the restart")
	c.Eventually(func() string { return gocheck.Listed("not seen by the member", seen.Missing(sent)) })
	last := map[string]int{}
	for _, r := range readAll(c, topic, len(sent)) {
		var n int
		fmt.Sscan(string(r.Value), &n)
		if before, ok := last[string(r.Key)]; ok && n != before+7 {
			c.Fatalf("key %s: %d follows %d, want %d", r.Key, n, before, before+7)
		}
		last[string(r.Key)] = n
	}
	adm := admin(c)
	defer adm.Close()
	c.Eventually(func() string {
		fetched, err := adm.FetchOffsets(c, group)
		if err != nil {
			return err.Error()
		}
		if sum := at(fetched, topic, 0) + at(fetched, topic, 1); sum != int64(len(sent)) {
			return fmt.Sprintf("committed %d of %d records", sum, len(sent))
		}
		return ""
	})
	configs, err := adm.DescribeTopicConfigs(c, topic)
	c.Must(err, "describe configs")
	for _, config := range configs[0].Configs {
		if config.Key == "retention.ms" && config.MaybeValue() != "7654321" {
			c.Fatalf("retention.ms is %s after the restart", config.MaybeValue())
		}
	}
}

func waitSent(c c, count func() int, want int) {
	c.Eventually(func() string {
		if now := count(); now < want {
			return fmt.Sprintf("sent only %d of %d records", now, want)
		}
		return ""
	})
}
