package node

import (
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/network"
)

// networkOptions takes the connections' limits from the settings. Those that are functions follow changes at run time.
func (n *Node) networkOptions(s *config.Snapshot) network.Options {
	o := network.Options{
		Logger:          n.logger,
		MaxRequestBytes: func() int { return n.live.Snapshot().Int("socket.request.max.bytes") },
		QueuedMaxBytes:  s.Long("queued.max.request.bytes"),
		MaxIdle:         s.Millis("connections.max.idle.ms"),
		MaxConnections:  func() int { return n.live.Snapshot().Int("max.connections") },
		MaxConnectionsPerIP: func(ip string) int {
			now := n.live.Snapshot()
			if limit, ok := connectionOverride(now.String("max.connections.per.ip.overrides"), ip); ok {
				return limit
			}
			return now.Int("max.connections.per.ip")
		},
	}
	// Of both only what somebody set counts. Kafka's default of 100 KiB would bound a connection to some 200 KiB in a round trip. For receiving the system's
	// growing buffer is the better one (a sixth less time), for sending it depends on the distance (network.sendBufferBytes).
	if s.IsSet("socket.send.buffer.bytes") {
		o.SendBufferBytes = s.Int("socket.send.buffer.bytes")
	}
	if s.IsSet("socket.receive.buffer.bytes") {
		o.ReceiveBufferBytes = s.Int("socket.receive.buffer.bytes")
	}
	return o
}

// connectionOverride finds an address in "host:limit,host:limit".
func connectionOverride(overrides, ip string) (limit int, ok bool) {
	for entry := range strings.SplitSeq(overrides, ",") {
		at := strings.LastIndexByte(entry, ':')
		if at < 0 || strings.TrimSpace(entry[:at]) != ip {
			continue
		}
		limit, err := strconv.Atoi(strings.TrimSpace(entry[at+1:]))
		return limit, err == nil
	}
	return 0, false
}
