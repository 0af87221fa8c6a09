package gocheck

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Member is a group member that consumes, and commits what it has consumed.
type Member interface {
	// Owned are the partitions that the member consumes now.
	Owned() []int32
	// Leave commits, leaves the group and returns when that is done.
	Leave()
}

// Seen counts record values; members report to it.
type Seen struct {
	mu     sync.Mutex
	counts map[string]int
}

// NewSeen returns an empty count.
func NewSeen() *Seen { return &Seen{counts: map[string]int{}} }

// Add counts one value.
func (s *Seen) Add(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[value]++
}

// Missing are those of the wanted values that were not seen.
func (s *Seen) Missing(wanted []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var missing []string
	for _, value := range wanted {
		if s.counts[value] == 0 {
			missing = append(missing, value)
		}
	}
	return missing
}

// Repeated are those of the values that were seen more than once.
func (s *Seen) Repeated(values []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var repeated []string
	for _, value := range values {
		if s.counts[value] > 1 {
			repeated = append(repeated, fmt.Sprintf("%s %d times", value, s.counts[value]))
		}
	}
	return repeated
}

// Group is what the scenario needs from a client.
type Group struct {
	Partitions int
	Join       func(name string, seen *Seen) Member
	Produce    func(values []string)
}

// ComeAndGo lets members join and leave. While the group is settled every partition has one owner, nobody is idle, and what is
// sent is seen exactly once; what is sent during a change is seen at least once.
func ComeAndGo(c *C, g Group) {
	seen := NewSeen()
	members := map[string]Member{}
	var settled, moving []string
	send := func(to *[]string, kind string, count int) {
		var values []string
		for i := range count {
			values = append(values, fmt.Sprintf("%s-%d-%d", kind, len(*to), i))
		}
		*to = append(*to, values...)
		g.Produce(values)
	}
	step := func(change func()) {
		change()
		send(&moving, "moving", 30)
		Settle(c, members, g.Partitions)
		c.Eventually(func() string { return Listed("not seen after a change", seen.Missing(moving)) })
		send(&settled, "settled", 60)
		c.Eventually(func() string { return Listed("not seen while settled", seen.Missing(settled)) })
	}
	join := func(name string) func() { return func() { members[name] = g.Join(name, seen) } }
	leave := func(name string) func() {
		return func() {
			members[name].Leave()
			delete(members, name)
		}
	}
	step(join("a"))
	step(join("b"))
	step(join("c"))
	step(leave("a"))
	step(leave("b"))
	step(join("d"))
	if repeated := seen.Repeated(settled); len(repeated) > 0 {
		c.Fatalf("%s", Listed("seen more than once though the group was settled", repeated))
	}
	for _, m := range members {
		m.Leave()
	}
}

// Settle waits until every partition has exactly one owner and every member owns some, twice in a row.
func Settle(c *C, members map[string]Member, partitions int) {
	var good int
	c.Eventually(func() string {
		owners := map[int32][]string{}
		for name, m := range members {
			owned := m.Owned()
			if len(owned) == 0 {
				good = 0
				return fmt.Sprintf("member %s of %d owns nothing", name, len(members))
			}
			for _, p := range owned {
				owners[p] = append(owners[p], name)
			}
		}
		for p := range int32(partitions) {
			if len(owners[p]) != 1 {
				good = 0
				return fmt.Sprintf("partition %d is owned by %v; all: %v", p, owners[p], owners)
			}
		}
		if good++; good < 4 {
			return "not settled for long enough"
		}
		return ""
	})
}

// Listed is "" for no values, otherwise their number and the first of them.
func Listed(what string, values []string) string {
	if len(values) == 0 {
		return ""
	}
	shown := values[:min(len(values), 5)]
	return fmt.Sprintf("%d %s: %s", len(values), what, strings.Join(shown, ", "))
}

// Codecs are the compressions that Kafka knows.
var Codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// BaseTime is the timestamp of the first record that the checks send; it has whole milliseconds.
var BaseTime = time.Now().Add(-time.Hour).Truncate(time.Millisecond)
