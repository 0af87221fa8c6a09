package admin

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// GroupType is a group's type as Apache's tools print it.
type GroupType string

// The types of groups.
const (
	UnknownType  GroupType = "Unknown"
	ClassicType  GroupType = "Classic"
	ConsumerType GroupType = "Consumer"
	ShareType    GroupType = "Share"
	StreamsType  GroupType = "Streams"
)

// ParseGroupType reads a type's name in any case.
func ParseGroupType(name string) GroupType {
	for _, t := range []GroupType{ClassicType, ConsumerType, ShareType, StreamsType} {
		if strings.EqualFold(string(t), name) {
			return t
		}
	}
	return UnknownType
}

// GroupState is a group's state as Apache's tools print it.
type GroupState string

// The states of classic and consumer groups.
const (
	UnknownState        GroupState = "Unknown"
	Dead                GroupState = "Dead"
	Empty               GroupState = "Empty"
	Stable              GroupState = "Stable"
	PreparingRebalance  GroupState = "PreparingRebalance"
	CompletingRebalance GroupState = "CompletingRebalance"
	Assigning           GroupState = "Assigning"
	Reconciling         GroupState = "Reconciling"
)

// ConsumerStates are the states that groups of consumers can have.
var ConsumerStates = []GroupState{
	PreparingRebalance, CompletingRebalance, Stable, Dead, Empty, Assigning, Reconciling,
}

// ParseGroupState reads a state's name in any case.
func ParseGroupState(name string) GroupState {
	for _, s := range ConsumerStates {
		if strings.EqualFold(string(s), name) {
			return s
		}
	}
	return UnknownState
}

// GroupListing is a group as a list shows it. Type and State are empty when the broker is too old to tell.
type GroupListing struct {
	ID       string
	Protocol string
	Type     GroupType
	State    GroupState
}

// GroupQuery limits ListGroups; empty lists limit nothing.
type GroupQuery struct {
	Types     []GroupType
	States    []GroupState
	Consumers bool // groups of the types classic and consumer whose protocol is "consumer" or none
}

// wants filters by type here rather than in the request, since older brokers cannot. Their groups count as classic.
func (q GroupQuery) wants(g GroupListing) bool {
	kind := cmp.Or(g.Type, ClassicType)
	if q.Consumers && (kind != ClassicType && kind != ConsumerType || g.Protocol != "consumer" && g.Protocol != "") {
		return false
	}
	return len(q.Types) == 0 || slices.Contains(q.Types, kind)
}

// ListGroups lists the groups of all brokers, sorted by id.
func ListGroups(ctx context.Context, c *tool.Client, q GroupQuery) ([]GroupListing, error) {
	req := kmsg.NewPtrListGroupsRequest()
	for _, s := range q.States {
		req.StatesFilter = append(req.StatesFilter, string(s))
	}
	resp, err := tool.Call[*kmsg.ListGroupsResponse](ctx, c, "listGroups", req)
	if err != nil {
		return nil, err
	}
	if err := tool.CodeError(resp.ErrorCode, nil); err != nil {
		return nil, err
	}
	var groups []GroupListing
	for _, g := range resp.Groups {
		listing := GroupListing{ID: g.Group, Protocol: g.ProtocolType}
		if g.GroupType != "" {
			listing.Type = ParseGroupType(g.GroupType)
		}
		if g.GroupState != "" {
			listing.State = ParseGroupState(g.GroupState)
		}
		if q.wants(listing) {
			groups = append(groups, listing)
		}
	}
	slices.SortFunc(groups, func(a, b GroupListing) int { return cmp.Compare(a.ID, b.ID) })
	return groups, nil
}
