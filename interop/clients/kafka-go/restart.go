package main

import (
	"fmt"
	"sync/atomic"

	"github.com/segmentio/kafka-go"

	"ottla.dev/interop/gocheck"
)

// restart has the node restarted while a producer sends and a member consumes; both go on by themselves. Without idempotence a record
// whose answer was lost is sent again, so each must be there at least once, and first appearances are in order.
func restart(c c, how string) {
	topic, group := newTopic(c, 2), gocheck.Unique("g")
	seen := gocheck.NewSeen()
	m := join(c, group, topic, seen, kafka.RangeGroupBalancer{})
	defer m.Leave()
	gocheck.Settle(c, map[string]gocheck.Member{"m": m}, 2)
	w := writer(topic)
	w.BatchSize = 1
	defer w.Close()
	var sent atomic.Int64
	stopping := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		for {
			select {
			case <-stopping:
				done <- nil
				return
			default:
			}
			i := sent.Load()
			one := message(fmt.Sprint(i))
			one.Partition = int(i % 2)
			if err := w.WriteMessages(c, one); err != nil {
				done <- err
				return
			}
			sent.Add(1)
		}
	}()
	more := func(want int64) {
		c.Eventually(func() string {
			if len(done) > 0 {
				c.Fatalf("produce over the restart: %v", <-done)
			}
			if now := sent.Load(); now < want {
				return fmt.Sprintf("%d of %d records are acknowledged", now, want)
			}
			return ""
		})
	}
	more(100)
	c.Restart(how)
	kafka.DefaultTransport.(*kafka.Transport).CloseIdleConnections() // they ended with the node, and kafka-go sends nothing again
	more(sent.Load() + 100)
	close(stopping)
	c.Must(<-done, "produce over the restart")
	var all []string
	for i := range sent.Load() {
		all = append(all, fmt.Sprint(i))
	}
	c.Eventually(func() string { return gocheck.Listed("not seen by the member", seen.Missing(all)) })
	var ends int64
	for p := range 2 {
		end, err := offsetOf(c, topic, kafka.LastOffsetOf(p))
		c.Must(err, "the end of partition %d", p)
		ends += end
		next := p
		for _, r := range read(c, topic, p, kafka.FirstOffset, int(end)) {
			var number int
			fmt.Sscan(string(r.Value), &number)
			if number > next {
				c.Fatalf("partition %d: %d where %d is next", p, number, next)
			}
			if number == next {
				next += 2
			}
		}
		if next < len(all) {
			c.Fatalf("partition %d ends before %d", p, next)
		}
	}
	c.Eventually(func() string {
		got := offsets(c, group, topic, 0, 1)
		if sum := got[0].CommittedOffset + got[1].CommittedOffset; sum != ends {
			return fmt.Sprintf("committed %d of %d records", sum, ends)
		}
		return ""
	})
}
