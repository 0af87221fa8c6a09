package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/interop/gocheck"
)

func bootstrap() string { return gocheck.Bootstrap() }

const (
	transactionPartitions = 4
	writers               = 6
	transformers          = 3
)

// transactions has writers, transformers and a reader work while the node is killed again and again, and then checks everything.
func transactions(c c, w work, g generation) {
	source, target := newTopic(c, "in", transactionPartitions), newTopic(c, "out", transactionPartitions)
	group := gocheck.Unique("etl")
	history, violations := newHistory(), make(chan string, 1000)
	stopWriting, endWriting := context.WithCancel(c)
	defer endWriting()
	stopCopying, endCopying := context.WithCancel(c)
	defer endCopying()
	var writing, copying sync.WaitGroup
	for i := range writers {
		one := &writer{name: fmt.Sprintf("w%d", i), generation: g, topic: source, partitions: transactionPartitions,
			random: w.random(uint64(100 + i)), history: history, violations: violations}
		guarded(&writing, violations, func() { one.run(c, stopWriting) })
	}
	for i := range transformers {
		one := &transformer{name: fmt.Sprintf("t%d", i), generation: g, group: group, source: source, target: target, partitions: transactionPartitions,
			random: w.random(uint64(200 + i))}
		guarded(&copying, violations, func() { one.run(c, stopCopying) })
	}
	live := follow(c, source)
	killAtRandom(c, w, 1)
	endWriting()
	writing.Wait()
	fmt.Printf("%d transactions committed, %d aborted, %d unknown\n", history.count(committed), history.count(aborted), history.count(unknown))

	select {
	case told := <-violations:
		c.Fatalf("%s (and %d more)", told, len(violations))
	default:
	}
	wantNothingOpen(c, source)
	seen := scan(c, source, transactionPartitions, kgo.ReadCommitted())
	problems, _ := history.check(seen)
	wantNone(c, "transactions", problems)
	wantNone(c, "a reader that was there all the time", live.compare(c, seen))
	wantCopied(c, group, source, target, transactionPartitions)
	endCopying()
	copying.Wait()
	close(violations)
	var told []string
	for v := range violations {
		told = append(told, v)
	}
	wantNone(c, "fencing", told)
	if n := history.count(committed); n < 50 {
		c.Fatalf("only %d transactions were committed: the check proves little", n)
	}
}

// guarded runs a worker whose failed check becomes a violation: gocheck's failures are panics of the check's own goroutine.
func guarded(group *sync.WaitGroup, violations chan<- string, work func()) {
	group.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				violations <- fmt.Sprint(v)
			}
		}()
		work()
	})
}

// follower is a read_committed reader that reads while everything happens.
type follower struct {
	cl   *kgo.Client
	done chan struct{}
	mu   sync.Mutex
	seen map[place]string
}

func follow(c c, topic string) *follower {
	f := &follower{done: make(chan struct{}), seen: map[place]string{}}
	from := map[int32]kgo.Offset{}
	for p := range int32(transactionPartitions) {
		from[p] = kgo.NewOffset().AtStart()
	}
	f.cl = client(c, generations[1], kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	go func() {
		defer close(f.done)
		for {
			fetches := f.cl.PollFetches(c)
			if fetches.IsClientClosed() || c.Err() != nil {
				return
			}
			f.mu.Lock()
			fetches.EachRecord(func(r *kgo.Record) { f.seen[place{r.Topic, r.Partition, r.Offset}] = string(r.Value) })
			f.mu.Unlock()
		}
	}()
	return f
}

// compare waits until the follower has seen all that there is, and returns what it saw and should not have, or other than it is now.
func (f *follower) compare(c c, now []*kgo.Record) (problems []string) {
	want := map[place]string{}
	for _, r := range now {
		want[place{r.Topic, r.Partition, r.Offset}] = string(r.Value)
	}
	c.Eventually(func() string {
		f.mu.Lock()
		defer f.mu.Unlock()
		missing := 0
		for at := range want {
			if _, ok := f.seen[at]; !ok {
				missing++
			}
		}
		if missing > 0 {
			return fmt.Sprintf("a read_committed reader has not seen %d of %d records", missing, len(want))
		}
		return ""
	})
	f.cl.Close()
	<-f.done
	for at, value := range f.seen {
		if want[at] != value {
			problems = append(problems, fmt.Sprintf("it saw %q at %s-%d@%d, where now is %q", value, at.topic, at.partition, at.offset, want[at]))
		}
	}
	return problems
}
