package group

import "encoding/binary"

// consumerProtocolType is the protocol type of consumers, the only one whose metadata the coordinator reads.
const consumerProtocolType = "consumer"

// updateSubscribedTopics works out which topics the members are subscribed to, for the expiry and deletion of offsets.
func (g *group) updateSubscribedTopics() {
	g.subscribed, g.topicsKnown = nil, false
	if !g.usesConsumerProtocol() {
		return
	}
	if len(g.members) == 0 {
		g.topicsKnown = true
		return
	}
	if g.protocolName == nil {
		return
	}
	topics := make(map[string]struct{})
	for _, m := range g.members {
		metadata, ok := m.metadata(*g.protocolName)
		if !ok || !addSubscribedTopics(topics, metadata) {
			return
		}
	}
	g.subscribed, g.topicsKnown = topics, true
}

// isSubscribedTo reports whether members consume the topic. A consumer group whose topics are not known is taken to
// be subscribed to everything.
func (g *group) isSubscribedTo(topic string) bool {
	if !g.topicsKnown {
		return g.usesConsumerProtocol()
	}
	_, ok := g.subscribed[topic]
	return ok
}

// addSubscribedTopics adds the topics of a consumer's subscription, and reports whether it could be read. Every
// version begins with version 0: version, topics, user data.
func addSubscribedTopics(topics map[string]struct{}, b []byte) bool {
	if len(b) < 6 {
		return false
	}
	count := int(int32(binary.BigEndian.Uint32(b[2:])))
	b = b[6:]
	if count < 0 || count > len(b)/2 {
		return false
	}
	for range count {
		if len(b) < 2 {
			return false
		}
		n := int(int16(binary.BigEndian.Uint16(b)))
		if n < 0 || n > len(b)-2 {
			return false
		}
		topics[string(b[2:2+n])] = struct{}{}
		b = b[2+n:]
	}
	if len(b) < 4 {
		return false
	}
	userData := int(int32(binary.BigEndian.Uint32(b)))
	return userData <= len(b)-4
}
