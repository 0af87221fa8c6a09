// Command checkers puts random work on the node, kills it while it works, and afterwards proves from what can be read that nothing was
// lost, torn, shown too early or written twice: transactions in one check, compaction in the other.
//
// SEED chooses the work and the moments of the kills; it is printed, and a failure comes again with the same one as far as the
// machine's timing allows. SECONDS is how long each random check works before it proves.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"ottla.dev/interop/gocheck"
)

type c = *gocheck.C

const defaultWork = 30 * time.Second

// work is what the checks of one run share.
type work struct {
	seed uint64
	time time.Duration
}

func main() {
	w := work{seed: uint64(setting("SEED", int(time.Now().UnixNano()&0xffffff))), time: time.Duration(setting("SECONDS", int(defaultWork/time.Second))) * time.Second}
	fmt.Printf("SEED=%d SECONDS=%d\n", w.seed, int(w.time.Seconds()))
	r := gocheck.New()
	for _, g := range generations {
		r.Check("transactions/delayed/"+g.name, 2*time.Minute, func(c c) { delayed(c, w, g) })
	}
	for _, g := range generations {
		r.Check("transactions/random/"+g.name, w.time+3*time.Minute, func(c c) { transactions(c, w, g) })
	}
	for _, g := range generations {
		r.Check("transactions/offsets/"+g.name, w.time+3*time.Minute, func(c c) { offsetsInTransactions(c, w, g) })
	}
	r.Check("compaction/random", w.time+3*time.Minute, func(c c) { compaction(c, w) })
	r.Check("compaction/internal-topics", 8*time.Minute, func(c c) { internalTopics(c, w) })
	r.Finish()
}

func setting(name string, fallback int) int {
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s=%s is no number\n", name, text)
		os.Exit(2)
	}
	return n
}

// generation is a generation of the protocol of transactions.
type generation struct {
	name     string
	versions *kversion.Versions // the newest that the client may speak
}

// generations are those before and since KIP-890's second part. What the second one speaks on a node at transaction.version 1 is the first.
var generations = []generation{{"v1", kversion.V3_9_0()}, {"v2", kversion.Stable()}}

// random returns a source of its own for each named part, so that one part's use does not shift another's.
func (w work) random(part uint64) *rand.Rand { return rand.New(rand.NewPCG(w.seed, part)) }

func client(c c, g generation, opts ...kgo.Opt) *kgo.Client {
	opts = append([]kgo.Opt{kgo.SeedBrokers(gocheck.Bootstrap()), kgo.AlwaysRetryEOF(), kgo.MaxVersions(g.versions), kgo.RetryTimeout(time.Minute),
		kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)
	cl, err := kgo.NewClient(opts...)
	c.Must(err, "make a client")
	return cl
}

// newTopic creates a topic and waits until it is served; configs are pairs.
func newTopic(c c, prefix string, partitions int32, configs ...string) string {
	adm := kadm.NewClient(client(c, generations[1]))
	defer adm.Close()
	name := gocheck.Unique(prefix)
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

// killAtRandom kills the node some times during the work. Apache Kafka 4.3.1 is left alone: when it stops or is killed between a
// transaction's decision and its markers, a single node forgets the markers when it comes back (no partition has a leader yet, which its
// coordinator takes for deleted), and the checks find the torn transactions.
func killAtRandom(c c, w work, part uint64) {
	if os.Getenv("TARGET") == "apache" {
		select {
		case <-time.After(w.time):
		case <-c.Done():
		}
		return
	}
	random := w.random(part)
	const kills = 3
	for i := range kills {
		share := w.time / kills
		select {
		case <-time.After(share/4 + time.Duration(random.Int64N(int64(share/2)))):
		case <-c.Done():
			return
		}
		fmt.Printf("kill %d of %d\n", i+1, kills)
		c.Restart("kill")
	}
	select {
	case <-time.After(w.time / kills / 2):
	case <-c.Done():
	}
}
