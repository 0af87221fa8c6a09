package group

import "github.com/twmb/franz-go/pkg/kmsg"

// countSupport adds by to the number of supporters of each of the member's protocols.
func (g *group) countSupport(m *member, by int) {
	if g.supporters == nil {
		g.supporters = make(map[string]int)
	}
	for i := range m.protocols {
		name := m.protocols[i].Name
		if g.supporters[name] += by; g.supporters[name] == 0 {
			delete(g.supporters, name)
		}
	}
}

// supports reports whether a member with these protocols can be in the group: all members must have one in common.
func (g *group) supports(protocolType string, protocols []kmsg.JoinGroupRequestProtocol) bool {
	if g.state == Empty {
		return protocolType != "" && len(protocols) > 0
	}
	if g.protocolType != protocolType {
		return false
	}
	for i := range protocols {
		if g.supporters[protocols[i].Name] == len(g.members) {
			return true
		}
	}
	return false
}

// selectProtocol lets each member vote for the first protocol in its list that all members support, and returns the
// one with the most votes.
func (g *group) selectProtocol() string {
	votes := make(map[string]int)
	for _, m := range g.members {
		if name, ok := g.vote(m); ok {
			votes[name]++
		}
	}
	best, most := "", 0
	for name, count := range votes {
		if count > most || count == most && javaMapLess(name, best, len(votes)) {
			best, most = name, count
		}
	}
	return best
}

func (g *group) vote(m *member) (name string, ok bool) {
	for i := range m.protocols {
		if g.supporters[m.protocols[i].Name] == len(g.members) {
			return m.protocols[i].Name, true
		}
	}
	return "", false
}

// javaMapLess orders two strings as a Java HashMap of so many entries walks them. On equal votes Kafka takes the
// protocol that it meets first in such a map, and clients that mix assignors see which one that is.
func javaMapLess(a, b string, entries int) bool {
	buckets := uint32(16)
	for uint32(entries) > buckets/4*3 {
		buckets *= 2
	}
	bucketA, bucketB := javaBucket(a, buckets), javaBucket(b, buckets)
	if bucketA != bucketB {
		return bucketA < bucketB
	}
	return a < b
}

func javaBucket(s string, buckets uint32) uint32 {
	hash := uint32(javaHash(s))
	return (hash ^ hash>>16) & (buckets - 1)
}
