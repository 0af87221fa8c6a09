package group

import (
	"bytes"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
)

// member is one member of a group.
type member struct {
	id                 string
	instanceID         *string // group.instance.id of a static member
	clientID           string
	clientHost         string
	rebalanceTimeoutMs int32
	sessionTimeoutMs   int32
	protocolType       string
	protocols          []kmsg.JoinGroupRequestProtocol // in the member's order of preference
	assignment         []byte

	// isNew is set until the member has got its first JoinGroup answer. It has no session before that.
	isNew     bool
	join      *joinWait // its JoinGroup request, while that waits
	sync      *syncWait // its SyncGroup request, while that waits
	heartbeat machine.Timer
}

// joinWait is a JoinGroup request whose answer is due at the end of the phase. Of the request itself only the version
// is kept: it may wait for minutes, and its bytes belong to the connection.
type joinWait struct {
	version int16
	reply   func(*kmsg.JoinGroupResponse)
}

// syncWait is a SyncGroup request whose answer is due when the leader's assignment is committed.
type syncWait struct {
	version int16
	reply   func(*kmsg.SyncGroupResponse)
}

func (m *member) isStatic() bool { return m.instanceID != nil }

// metadata returns what the member sent for the protocol, and whether it supports it.
func (m *member) metadata(protocolName string) ([]byte, bool) {
	for i := range m.protocols {
		if m.protocols[i].Name == protocolName {
			return m.protocols[i].Metadata, true
		}
	}
	return nil, false
}

// matches reports whether the protocols are those that the member already has, in the same order.
func (m *member) matches(protocols []kmsg.JoinGroupRequestProtocol) bool {
	if len(protocols) != len(m.protocols) {
		return false
	}
	for i := range protocols {
		if protocols[i].Name != m.protocols[i].Name || !bytes.Equal(protocols[i].Metadata, m.protocols[i].Metadata) {
			return false
		}
	}
	return true
}

// hasSatisfiedHeartbeat reports whether the member need not heartbeat: it waits for the coordinator itself.
func (m *member) hasSatisfiedHeartbeat() bool {
	return !m.isNew && (m.join != nil || m.sync != nil)
}

// copyProtocols copies protocols out of a request, whose bytes belong to the connection. A name given twice counts
// once, or no protocol could ever be supported by all members.
func copyProtocols(protocols []kmsg.JoinGroupRequestProtocol) []kmsg.JoinGroupRequestProtocol {
	copied := make([]kmsg.JoinGroupRequestProtocol, 0, len(protocols))
next:
	for _, p := range protocols {
		for i := range copied {
			if copied[i].Name == p.Name {
				continue next
			}
		}
		copied = append(copied, kmsg.JoinGroupRequestProtocol{Name: p.Name, Metadata: cloneBytes(p.Metadata)})
	}
	return copied
}

// cloneBytes copies b; the copy is never nil, since no field of the protocol or the log that holds it is nullable.
func cloneBytes(b []byte) []byte { return append([]byte{}, b...) }
