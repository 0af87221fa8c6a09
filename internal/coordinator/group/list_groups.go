package group

// ListGroups v0 to v5. v4 adds a filter by state (KIP-518), v5 one by type (KIP-848).

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupType is what the groups of this package are called in answers.
const groupType = "classic"

// ListGroups lists the groups in the given states and of the given types, whatever their case; an empty list means all.
func (m *Machine) ListGroups(states, types []string) []kmsg.ListGroupsResponseGroup {
	if len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return strings.EqualFold(t, groupType) }) {
		return nil
	}
	var listed []kmsg.ListGroupsResponseGroup
	for _, id := range m.groupIDs() {
		g := m.groups[id]
		if len(states) > 0 && !slices.ContainsFunc(states, func(s string) bool {
			return strings.EqualFold(strings.TrimSpace(s), g.state.String())
		}) {
			continue
		}
		answer := kmsg.NewListGroupsResponseGroup()
		answer.Group, answer.ProtocolType = g.id, g.protocolType
		answer.GroupState, answer.GroupType = g.state.String(), groupType
		listed = append(listed, answer)
	}
	return listed
}
