package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// transformer copies committed records to another topic, each batch in one transaction with the offsets it was read up to. Copies say
// "partition/offset/value of the source".
type transformer struct {
	name        string
	generation  generation
	group       string
	source      string
	target      string
	partitions  int32
	random      *rand.Rand
	abortsOften bool
}

// run works until stop. Now and then it leaves the group and joins again.
func (t *transformer) run(c c, stop context.Context) {
	for stop.Err() == nil && c.Err() == nil {
		t.member(c, stop)
	}
}

// member is one membership: until an error, or by chance.
func (t *transformer) member(c c, stop context.Context) {
	session, err := kgo.NewGroupTransactSession(
		append(t.options(c), kgo.TransactionalID(t.group+"-"+t.name), kgo.ConsumerGroup(t.group), kgo.ConsumeTopics(t.source),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond), kgo.RequireStableFetchOffsets())...)
	c.Must(err, "make a transformer")
	defer session.Close()
	for rounds := 20 + t.random.IntN(100); rounds > 0 && stop.Err() == nil && c.Err() == nil; rounds-- {
		polling, cancel := context.WithTimeout(c, 500*time.Millisecond)
		fetches := session.PollRecords(polling, 1+t.random.IntN(300))
		cancel()
		if fetches.NumRecords() == 0 {
			continue
		}
		if err := session.Begin(); err != nil {
			return
		}
		fetches.EachRecord(func(r *kgo.Record) {
			session.Produce(c, &kgo.Record{Topic: t.target, Partition: r.Partition % t.partitions, Value: fmt.Appendf(nil, "%d/%d/%s", r.Partition, r.Offset, r.Value)}, nil)
		})
		end := kgo.TryCommit
		if t.random.IntN(5) == 0 {
			end = kgo.TryAbort
		}
		if _, err := session.End(c, end); err != nil {
			return
		}
	}
}

func (t *transformer) options(c c) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(bootstrap()), kgo.AlwaysRetryEOF(), kgo.MaxVersions(t.generation.versions), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.TransactionTimeout(10 * time.Second), kgo.ProducerLinger(0), kgo.RetryTimeout(time.Minute),
	}
}

// wantCopied waits until the group has passed the source's end, and checks that each committed record was copied exactly once.
func wantCopied(c c, group, source, target string, partitions int32) {
	adm := kadm.NewClient(client(c, generations[1]))
	defer adm.Close()
	originals := scan(c, source, partitions, kgo.ReadCommitted())
	end := map[int32]int64{} // the offset after the last record that there is to copy
	for _, r := range originals {
		end[r.Partition] = max(end[r.Partition], r.Offset+1)
	}
	c.Eventually(func() string {
		offsets, err := adm.FetchOffsets(c, group)
		if err != nil {
			return err.Error()
		}
		for p, want := range end {
			if o, ok := offsets.Lookup(source, p); !ok || o.At < want {
				return fmt.Sprintf("the group %s stays at offset %d of %s-%d, whose last record is at %d", group, o.At, source, p, want-1)
			}
		}
		return ""
	})
	wantNothingOpen(c, target)
	copies := map[string][]int64{}
	for _, r := range scan(c, target, partitions, kgo.ReadCommitted()) {
		copies[string(r.Value)] = append(copies[string(r.Value)], r.Offset)
	}
	var problems []string
	for _, r := range originals {
		value := fmt.Sprintf("%d/%d/%s", r.Partition, r.Offset, r.Value)
		if at := copies[value]; len(at) != 1 {
			problems = append(problems, fmt.Sprintf("%s was copied %d times, to offsets %v", value, len(at), at))
		}
		delete(copies, value)
	}
	for value := range copies {
		problems = append(problems, "a copy of what was not committed: "+strings.TrimSpace(value))
	}
	wantNone(c, "consume, transform, produce", problems)
	fmt.Printf("%d records were copied exactly once\n", len(originals))
}
