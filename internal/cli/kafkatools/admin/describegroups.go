package admin

import (
	"context"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// GroupDescription is a consumer group with its members. The epochs exist in groups of the type consumer only.
type GroupDescription struct {
	ID          string
	Type        GroupType
	State       GroupState
	Assignor    string
	GroupEpoch  *int32
	TargetEpoch *int32
	Members     []GroupMember
}

// GroupMember is one member. TargetAssigned, Epoch and Upgraded exist in groups of the type consumer only.
type GroupMember struct {
	ID             string
	InstanceID     string
	ClientID       string
	Host           string
	Assigned       []TopicPartition
	TargetAssigned []TopicPartition
	Epoch          *int32
	Upgraded       *bool
}

const groupIDNotFound = 69

// DescribeConsumerGroup asks a group's coordinator, first for a group of the type consumer and then for a classic one.
func DescribeConsumerGroup(ctx context.Context, c *tool.Client, group string) (GroupDescription, error) {
	d, err := describeModern(ctx, c, group)
	if err == nil {
		return d, nil
	}
	if !Unsupported(err) && tool.CodeOf(err) != groupIDNotFound {
		return GroupDescription{}, err
	}
	d, classicErr := describeClassic(ctx, c, group)
	if tool.CodeOf(classicErr) == groupIDNotFound && tool.CodeOf(err) == groupIDNotFound {
		return d, err // the first answer says more
	}
	return d, classicErr
}

func describeModern(ctx context.Context, c *tool.Client, group string) (GroupDescription, error) {
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Groups = []string{group}
	resp, err := tool.Call[*kmsg.ConsumerGroupDescribeResponse](ctx, c, "describeConsumerGroups", req)
	if err != nil {
		return GroupDescription{}, err
	}
	for _, g := range resp.Groups {
		if g.Group != group {
			continue
		}
		d := GroupDescription{
			ID: group, Type: ConsumerType, State: ParseGroupState(g.State), Assignor: g.AssignorName,
			GroupEpoch: &g.Epoch, TargetEpoch: &g.AssignmentEpoch,
		}
		for _, m := range g.Members {
			member := GroupMember{
				ID: m.MemberID, InstanceID: text(m.InstanceID), ClientID: m.ClientID, Host: m.ClientHost,
				Assigned: assigned(m.Assignment), TargetAssigned: assigned(m.TargetAssignment), Epoch: &m.MemberEpoch,
			}
			if m.MemberType >= 0 {
				upgraded := m.MemberType == 1
				member.Upgraded = &upgraded
			}
			d.Members = append(d.Members, member)
		}
		return d, tool.CodeError(g.ErrorCode, g.ErrorMessage)
	}
	return GroupDescription{}, fmt.Errorf("the coordinator did not answer for group %s", group)
}

func assigned(a kmsg.Assignment) []TopicPartition {
	var list []TopicPartition
	for _, t := range a.TopicPartitions {
		for _, p := range t.Partitions {
			list = append(list, TopicPartition{t.Topic, p})
		}
	}
	return list
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func describeClassic(ctx context.Context, c *tool.Client, group string) (GroupDescription, error) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{group}
	resp, err := tool.Call[*kmsg.DescribeGroupsResponse](ctx, c, "describeConsumerGroups", req)
	if err != nil {
		return GroupDescription{}, err
	}
	for _, g := range resp.Groups {
		if g.Group != group {
			continue
		}
		if err := tool.CodeError(g.ErrorCode, g.ErrorMessage); err != nil {
			return GroupDescription{}, err
		}
		if g.ProtocolType != "" && g.ProtocolType != "consumer" {
			return GroupDescription{}, tool.Errorf("GroupId %s is not a consumer group (%s).", group, g.ProtocolType)
		}
		return classicDescription(g)
	}
	return GroupDescription{}, fmt.Errorf("the coordinator did not answer for group %s", group)
}

func classicDescription(g kmsg.DescribeGroupsResponseGroup) (GroupDescription, error) {
	d := GroupDescription{ID: g.Group, Type: ClassicType, State: ParseGroupState(g.State), Assignor: g.Protocol}
	for _, m := range g.Members {
		member := GroupMember{ID: m.MemberID, InstanceID: text(m.InstanceID), ClientID: m.ClientID, Host: m.ClientHost}
		if len(m.MemberAssignment) > 0 {
			var a kmsg.ConsumerMemberAssignment
			if err := a.ReadFrom(m.MemberAssignment); err != nil {
				return d, fmt.Errorf("the assignment of member %s cannot be read: %w", m.MemberID, err)
			}
			for _, t := range a.Topics {
				for _, p := range t.Partitions {
					member.Assigned = append(member.Assigned, TopicPartition{t.Topic, p})
				}
			}
		}
		d.Members = append(d.Members, member)
	}
	return d, nil
}

// GroupCoordinator names the broker that coordinates a group: address and id.
func GroupCoordinator(ctx context.Context, c *tool.Client, group string) (address string, id int32, err error) {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey = group // up to version 3
	req.CoordinatorKeys = []string{group}
	resp, err := tool.Call[*kmsg.FindCoordinatorResponse](ctx, c, "findCoordinator", req)
	if err != nil {
		return "", 0, err
	}
	host, port, node, code, message := resp.Host, resp.Port, resp.NodeID, resp.ErrorCode, resp.ErrorMessage
	if len(resp.Coordinators) > 0 {
		f := resp.Coordinators[0]
		host, port, node, code, message = f.Host, f.Port, f.NodeID, f.ErrorCode, f.ErrorMessage
	}
	return host + ":" + strconv.Itoa(int(port)), node, tool.CodeError(code, message)
}
