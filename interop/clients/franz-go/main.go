// Command franz-go runs franz-go through the checks of the interop suite, or, as `franz-go suite`, franz-go's own tests.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/interop/gocheck"
)

type c = *gocheck.C

const minute = time.Minute

func main() {
	if len(os.Args) > 1 && os.Args[1] == "suite" {
		os.Exit(suite())
	}
	r := gocheck.New()
	produceChecks(r)
	r.Check("headers", minute, headers)
	r.Check("large/record", minute, largeRecord)
	r.Check("large/refused", minute, largeRefused)
	r.Check("idempotent", minute, idempotent)
	r.Check("offsets/time", minute, offsetsByTime)
	r.Check("offsets/out-of-range", minute, offsetsOutOfRange)
	r.Check("fetch/short-waits", minute, shortWaits)
	r.Check("auto-create", minute, autoCreate)
	r.Check("group/come-and-go", 2*minute, comeAndGo)
	for _, b := range []kgo.GroupBalancer{kgo.RangeBalancer(), kgo.RoundRobinBalancer(), kgo.StickyBalancer(), kgo.CooperativeStickyBalancer()} {
		r.Check("group/assignor/"+b.ProtocolName(), minute, func(c c) { assignor(c, b) })
	}
	r.Check("group/static", minute, staticMember)
	r.Check("group/resume", minute, resume)
	r.Check("admin/topics", minute, adminTopics)
	r.Check("admin/configs", minute, adminConfigs)
	r.Check("admin/groups", minute, adminGroups)
	r.Check("admin/offsets", minute, adminOffsets)
	r.Check("admin/delete-records", minute, adminDeleteRecords)
	r.Check("admin/cluster", minute, adminCluster)
	r.Check("restart/stop", 2*minute, func(c c) { restart(c, "stop") })
	r.Check("restart/kill", 2*minute, func(c c) { restart(c, "kill") })
	transactionChecks(r)
	r.Finish()
}

// client connects; the caller closes.
func client(c c, opts ...kgo.Opt) *kgo.Client {
	opts = append([]kgo.Opt{kgo.SeedBrokers(gocheck.Bootstrap()), kgo.AlwaysRetryEOF()}, opts...)
	cl, err := kgo.NewClient(opts...)
	c.Must(err, "make a client")
	return cl
}

func admin(c c) *kadm.Client { return kadm.NewClient(client(c)) }

// newTopic creates a topic and waits until its partitions have a leader that serves; configs are pairs.
func newTopic(c c, partitions int32, configs ...string) string {
	adm := admin(c)
	defer adm.Close()
	name := gocheck.Unique("t")
	set := map[string]*string{}
	for i := 0; i < len(configs); i += 2 {
		set[configs[i]] = &configs[i+1]
	}
	_, err := adm.CreateTopic(c, partitions, 1, set, name)
	c.Must(err, "create topic %s", name)
	c.Eventually(func() string {
		if ends, err := adm.ListEndOffsets(c, name); err != nil || ends.Error() != nil {
			return fmt.Sprintf("the new topic %s is not served: %v %v", name, err, ends.Error())
		}
		return ""
	})
	return name
}

// readAll reads count records of a topic from the beginning of its partitions.
func readAll(c c, topic string, count int, opts ...kgo.Opt) []*kgo.Record {
	cl := client(c, append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	defer cl.Close()
	var all []*kgo.Record
	for len(all) < count {
		fetches := cl.PollFetches(c)
		if c.Err() != nil {
			c.Fatalf("read %d of %d records of %s", len(all), count, topic)
		}
		for _, e := range fetches.Errors() {
			c.Fatalf("fetch %s-%d: %v", e.Topic, e.Partition, e.Err)
		}
		all = append(all, fetches.Records()...)
	}
	if len(all) > count {
		c.Fatalf("read %d records of %s, want %d", len(all), topic, count)
	}
	return all
}
