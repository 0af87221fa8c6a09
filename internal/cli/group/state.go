package group

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"ottla.dev/ottla/internal/cli/output"
)

// state is a group as its coordinator tells it, whether it speaks the classic or the consumer protocol.
type state struct {
	Name        string   `json:"name"`
	State       string   `json:"state"`
	Protocol    string   `json:"protocol"` // consumer, connect, …
	Assignor    string   `json:"assignor"`
	Coordinator int32    `json:"coordinator"`
	Members     []member `json:"members"`
}

type member struct {
	ID         string             `json:"id"`
	Instance   string             `json:"instance,omitempty"` // of a static member
	Client     string             `json:"client"`
	Host       string             `json:"host"`
	Partitions map[string][]int32 `json:"partitions"`
}

// states asks for groups; an error per group that cannot be told.
func states(ctx context.Context, admin *kadm.Client, names []string) (map[string]state, map[string]error, error) {
	classic, err := admin.DescribeGroups(ctx, names...)
	if err != nil {
		return nil, nil, err
	}
	found, failed := map[string]state{}, map[string]error{}
	var others []string // of another protocol, or not there at all
	for _, name := range names {
		g, ok := classic[name]
		switch {
		case !ok || errors.Is(g.Err, kerr.GroupIDNotFound) || g.Err == nil && g.State == "Dead": // how brokers up to 4.0 answer
			others = append(others, name)
		case g.Err != nil:
			failed[name] = output.About("group "+name, g.Err, g.ErrMessage)
		default:
			found[name] = classicState(g)
		}
	}
	if len(others) == 0 {
		return found, failed, nil
	}
	// A broker that does not know the consumer protocol refuses the question; then there is no such group either.
	modern, _ := admin.DescribeConsumerGroups(ctx, others...)
	for _, name := range others {
		if g, ok := modern[name]; ok && g.Err == nil {
			found[name] = consumerState(g)
		} else {
			failed[name] = output.About("group "+name, kerr.GroupIDNotFound, "")
		}
	}
	return found, failed, nil
}

func classicState(g kadm.DescribedGroup) state {
	s := state{Name: g.Group, State: g.State, Protocol: g.ProtocolType, Assignor: g.Protocol, Coordinator: g.Coordinator.NodeID, Members: []member{}}
	for _, m := range g.Members {
		one := member{ID: m.MemberID, Instance: deref(m.InstanceID), Client: m.ClientID, Host: m.ClientHost, Partitions: map[string][]int32{}}
		if assigned, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range assigned.Topics {
				one.Partitions[t.Topic] = slices.Sorted(slices.Values(t.Partitions))
			}
		}
		s.Members = append(s.Members, one)
	}
	s.sort()
	return s
}

func consumerState(g kadm.DescribedConsumerGroup) state {
	s := state{Name: g.Group, State: g.State, Protocol: "consumer", Assignor: g.AssignorName, Coordinator: g.Coordinator.NodeID, Members: []member{}}
	for _, m := range g.Members {
		one := member{ID: m.MemberID, Instance: deref(m.InstanceID), Client: m.ClientID, Host: m.ClientHost, Partitions: map[string][]int32{}}
		for _, t := range m.Assignment.Sorted() {
			one.Partitions[t.Topic] = t.Partitions
		}
		s.Members = append(s.Members, one)
	}
	s.sort()
	return s
}

func (s state) sort() {
	slices.SortFunc(s.Members, func(a, b member) int { return cmp.Compare(a.ID, b.ID) })
}

// owner finds the member that reads a partition.
func (s state) owner(topic string, partition int32) member {
	for _, m := range s.Members {
		if slices.Contains(m.Partitions[topic], partition) {
			return m
		}
	}
	return member{}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
