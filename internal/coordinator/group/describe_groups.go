package group

// DescribeGroups v0 to v6. v3 adds authorized operations, v4 instance ids, v6 an error for groups that do not exist.

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// DescribeGroup describes one group.
func (m *Machine) DescribeGroup(version int16, groupID string) kmsg.DescribeGroupsResponseGroup {
	g := m.groups[groupID]
	if g == nil {
		described := DescribeGroupError(groupID, protocol.None)
		described.State = Dead.String()
		if version >= 6 {
			message := fmt.Sprintf("Group %s not found.", groupID)
			described.ErrorCode = int16(protocol.GroupIDNotFound)
			described.ErrorMessage = &message
		}
		return described
	}
	described := DescribeGroupError(groupID, protocol.None)
	described.State = g.state.String()
	described.ProtocolType = g.protocolType
	stableProtocol := g.state == Stable && g.protocolName != nil
	if stableProtocol {
		described.Protocol = *g.protocolName
	}
	for _, m := range g.members {
		answer := kmsg.NewDescribeGroupsResponseGroupMember()
		answer.MemberID, answer.InstanceID = m.id, m.instanceID
		answer.ClientID, answer.ClientHost = m.clientID, m.clientHost
		answer.MemberAssignment = m.assignment
		answer.ProtocolMetadata = []byte{}
		if stableProtocol {
			answer.ProtocolMetadata, _ = m.metadata(*g.protocolName)
		}
		described.Members = append(described.Members, answer)
	}
	return described
}
