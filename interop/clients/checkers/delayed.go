package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	delayedProducers = 8
	delayedRounds    = 25
)

// delayed has Produce requests arrive when their transaction is over, before it was begun, and at the very moment at which it ends: the
// failure that KIP-890 closes. None of them may be visible to read_committed, open a transaction that nobody ends, or, in the second
// generation of the protocol, come into the next transaction of the producer.
func delayed(c c, w work, g generation) {
	topic := newTopic(c, "delayed", 2)
	problems := make(chan string, 10_000)
	committed := &sync.Map{}
	var group sync.WaitGroup
	for i := range delayedProducers {
		random := w.random(uint64(300 + i))
		guarded(&group, problems, func() {
			late, now := client(c, g), client(c, g) // two connections: what is late overtakes, or is overtaken
			defer late.Close()
			defer now.Close()
			d := &delays{c: c, random: random, committed: committed, problems: problems, name: fmt.Sprintf("%s-p%d", g.name, i)}
			d.producer = newRawProducer(c, g, now, topic, topic+"-"+d.name)
			for round := range delayedRounds {
				d.round(round, late)
			}
		})
	}
	group.Wait()
	close(problems)
	var told []string
	for p := range problems {
		told = append(told, p)
	}
	slices.Sort(told)
	wantNone(c, "late requests", told)
	wantNothingOpen(c, topic)
	seen := map[string]int{}
	for _, r := range scan(c, topic, 2, kgo.ReadCommitted()) {
		seen[string(r.Value)]++
	}
	committed.Range(func(value, _ any) bool {
		if seen[value.(string)] != 1 {
			told = append(told, fmt.Sprintf("committed record %s is there %d times", value, seen[value.(string)]))
		}
		delete(seen, value.(string))
		return true
	})
	for value := range seen {
		told = append(told, fmt.Sprintf("%s is visible and belongs to no committed transaction", value))
	}
	wantNone(c, "after the late requests", told)
}

// delays is one producer and what goes wrong on its way.
type delays struct {
	c         c
	random    *rand.Rand
	producer  *rawProducer
	committed *sync.Map
	problems  chan<- string
	name      string
}

func (d *delays) round(round int, late *kgo.Client) {
	p := d.producer
	must := func(err error, what string) {
		d.c.Must(err, "%s, round %d: %s", d.name, round, what)
	}
	value := func(what string) string { return fmt.Sprintf("%s/%d/%s", d.name, round, what) }
	must(p.init(), "init") // each round begins with sequence 0
	straggler := *p
	straggler.cl = late
	partition := int32(d.random.IntN(2))

	if !p.v2 { // in the second generation the first write is what begins a transaction
		if err := straggler.write(partition, 0, straggler.epoch, value("never-begun")); err == nil {
			d.problems <- value("a write without a transaction was accepted")
		}
	}
	must(p.addPartitions(partition), "add a partition")
	must(p.write(partition, 0, p.epoch, value("aborted")), "write")
	commit := d.random.IntN(3) == 0
	racing := d.random.IntN(2) == 0
	raced := make(chan error, 1)
	if racing { // arrives with the end
		straggler.epoch, straggler.producer = p.epoch, p.producer
		pause := time.Duration(d.random.IntN(3000)) * time.Microsecond
		go func() {
			time.Sleep(pause)
			raced <- straggler.write(partition, 1, straggler.epoch, value("raced"))
		}()
		time.Sleep(time.Duration(d.random.IntN(2000)) * time.Microsecond)
	}
	old := *p
	old.cl = late
	must(p.end(commit), "end")
	if commit {
		d.committed.Store(value("aborted"), true)
	}
	if racing {
		if err := <-raced; err == nil && commit { // it got in before the marker, and so into the transaction
			d.committed.Store(value("raced"), true)
		}
		return // the sequence numbers are no longer known
	}
	if d.random.IntN(2) == 0 { // before the marker, perhaps: then it is one more record of the transaction
		if err := old.write(partition, 1, old.epoch, value("just-late")); err == nil {
			if commit {
				d.committed.Store(value("just-late"), true)
			}
			return
		}
	}
	p.complete()
	if err := old.write(partition, 1, old.epoch, value("late")); err == nil {
		d.problems <- value("a write that came after the end of its transaction was accepted")
	}
	if !p.v2 {
		return // there the same epoch goes on: a late write that came in the next transaction could not be told from one of it
	}
	must(p.write(partition, 0, p.epoch, value("next")), "write in the next transaction")
	err := old.write(partition, 1, old.epoch, value("late-in-next"))
	if err == nil {
		d.problems <- value("a write of the last transaction was accepted in the next")
	} else if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) {
		d.problems <- value(fmt.Sprintf("a write of the last transaction was refused with %v", err))
	}
	must(p.end(true), "end the next transaction")
	d.committed.Store(value("next"), true)
}
