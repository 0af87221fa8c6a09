package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// The functions below answer a whole request with one error, as Kafka does for each API.

// JoinGroupError answers a JoinGroup request with an error.
func JoinGroupError(req *kmsg.JoinGroupRequest, memberID string, code protocol.Code) *kmsg.JoinGroupResponse {
	return joinError(req.Version, memberID, code)
}

func joinError(version int16, memberID string, code protocol.Code) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version = version
	resp.ErrorCode = int16(code)
	resp.Generation = -1
	resp.MemberID = memberID
	setProtocol(resp, nil)
	return resp
}

// setProtocol sets the protocol's name, which is nullable since v7 and never empty since then.
func setProtocol(resp *kmsg.JoinGroupResponse, name *string) {
	switch {
	case resp.Version < 7 && name == nil:
		name = new(string)
	case resp.Version >= 7 && name != nil && *name == "":
		name = nil
	}
	resp.Protocol = name
}

// SyncGroupError answers a SyncGroup request with an error.
func SyncGroupError(req *kmsg.SyncGroupRequest, code protocol.Code) *kmsg.SyncGroupResponse {
	return syncError(req.Version, code)
}

func syncError(version int16, code protocol.Code) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.Version = version
	resp.ErrorCode = int16(code)
	resp.MemberAssignment = []byte{}
	return resp
}

// HeartbeatError answers a Heartbeat request with an error.
func HeartbeatError(req *kmsg.HeartbeatRequest, code protocol.Code) *kmsg.HeartbeatResponse {
	resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
	resp.ErrorCode = int16(code)
	return resp
}

// LeaveGroupError answers a LeaveGroup request with an error.
func LeaveGroupError(req *kmsg.LeaveGroupRequest, code protocol.Code) *kmsg.LeaveGroupResponse {
	resp := req.ResponseKind().(*kmsg.LeaveGroupResponse)
	resp.ErrorCode = int16(code)
	return resp
}

// DescribeGroupError is the answer for one group of a DescribeGroups request.
func DescribeGroupError(groupID string, code protocol.Code) kmsg.DescribeGroupsResponseGroup {
	described := kmsg.NewDescribeGroupsResponseGroup()
	described.Group = groupID
	described.ErrorCode = int16(code)
	return described
}

// ListGroupsError answers a ListGroups request with an error.
func ListGroupsError(req *kmsg.ListGroupsRequest, code protocol.Code) *kmsg.ListGroupsResponse {
	resp := req.ResponseKind().(*kmsg.ListGroupsResponse)
	resp.ErrorCode = int16(code)
	return resp
}

// DeleteGroupError is the answer for one group of a DeleteGroups request.
func DeleteGroupError(groupID string, code protocol.Code) kmsg.DeleteGroupsResponseGroup {
	deleted := kmsg.NewDeleteGroupsResponseGroup()
	deleted.Group = groupID
	deleted.ErrorCode = int16(code)
	return deleted
}

// OffsetCommitError answers an OffsetCommit request with an error for each of its partitions.
func OffsetCommitError(req *kmsg.OffsetCommitRequest, code protocol.Code) *kmsg.OffsetCommitResponse {
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for i := range req.Topics {
		topic := committedTopic(&req.Topics[i])
		for j := range req.Topics[i].Partitions {
			topic.Partitions = append(topic.Partitions, committedPartition(req.Topics[i].Partitions[j].Partition, code))
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

func committedTopic(t *kmsg.OffsetCommitRequestTopic) kmsg.OffsetCommitResponseTopic {
	topic := kmsg.NewOffsetCommitResponseTopic()
	topic.Topic, topic.TopicID = t.Topic, t.TopicID
	return topic
}

func committedPartition(partition int32, code protocol.Code) kmsg.OffsetCommitResponseTopicPartition {
	p := kmsg.NewOffsetCommitResponseTopicPartition()
	p.Partition, p.ErrorCode = partition, int16(code)
	return p
}

// OffsetFetchError is the answer for one group of an OffsetFetch request. Before v2 there is no error beside those of
// the partitions.
func OffsetFetchError(version int16, req *kmsg.OffsetFetchRequestGroup, code protocol.Code) kmsg.OffsetFetchResponseGroup {
	resp := kmsg.NewOffsetFetchResponseGroup()
	resp.Group = req.Group
	if version >= 2 {
		resp.ErrorCode = int16(code)
		return resp
	}
	for i := range req.Topics {
		resp.Topics = append(resp.Topics, fetchedTopicError(&req.Topics[i], code))
	}
	return resp
}

// fetchedTopicError answers a topic of an OffsetFetch request with an error for each of its partitions.
func fetchedTopicError(t *kmsg.OffsetFetchRequestGroupTopic, code protocol.Code) kmsg.OffsetFetchResponseGroupTopic {
	topic := kmsg.NewOffsetFetchResponseGroupTopic()
	topic.Topic, topic.TopicID = t.Topic, t.TopicID
	for _, partition := range t.Partitions {
		topic.Partitions = append(topic.Partitions, noOffset(partition, code))
	}
	return topic
}

// noOffset is the answer for a partition for which there is no offset to give.
func noOffset(partition int32, code protocol.Code) kmsg.OffsetFetchResponseGroupTopicPartition {
	p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	p.Partition = partition
	p.Offset = -1
	p.LeaderEpoch = -1
	p.Metadata = new(string)
	p.ErrorCode = int16(code)
	return p
}

// OffsetDeleteError answers an OffsetDelete request with an error.
func OffsetDeleteError(req *kmsg.OffsetDeleteRequest, code protocol.Code) *kmsg.OffsetDeleteResponse {
	resp := req.ResponseKind().(*kmsg.OffsetDeleteResponse)
	resp.ErrorCode = int16(code)
	return resp
}
