package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// shortWaits lets fetches end by time at the very moment when records arrive: many consumers that wait for ten milliseconds, and a
// producer that sends at the same pace. Everybody reads everything in order.
func shortWaits(c c) {
	const consumers, count = 100, 300
	topic := newTopic(c, 1)
	var reading sync.WaitGroup
	problems := make(chan string, consumers)
	for i := range consumers {
		cl := client(c, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}),
			kgo.FetchMaxWait(time.Duration(10+i%3)*time.Millisecond), kgo.FetchMinBytes(int32(1+i%3*200)))
		reading.Go(func() {
			defer cl.Close()
			for next := 0; next < count; {
				fetches := cl.PollFetches(c)
				if err := fetches.Err(); err != nil {
					problems <- fmt.Sprintf("consumer %d at record %d: %v", i, next, err)
					return
				}
				fetches.EachRecord(func(r *kgo.Record) {
					if string(r.Value) != fmt.Sprint(next) && len(problems) == 0 {
						problems <- fmt.Sprintf("consumer %d read %s where %d is next", i, r.Value, next)
					}
					next++
				})
			}
		})
	}
	cl := client(c, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0))
	defer cl.Close()
	for i := range count {
		c.Must(cl.ProduceSync(c, kgo.StringRecord(fmt.Sprint(i))).FirstErr(), "produce")
		time.Sleep(time.Duration(8+i%5) * time.Millisecond)
	}
	reading.Wait()
	if len(problems) > 0 {
		c.Fatalf("%s", <-problems)
	}
}
