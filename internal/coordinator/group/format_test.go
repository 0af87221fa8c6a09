package group

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// The functions below write answers and records as the scripts show them: whatever a client can see, on one line.

func code(c int16) string { return protocol.Code(c).Name() }

func null(s *string) string {
	if s == nil {
		return "null"
	}
	if *s == "" {
		return `""`
	}
	return *s
}

// topics shows a consumer's metadata by its topics.
func topics(metadata []byte) string {
	var m kmsg.ConsumerMemberMetadata
	if err := m.ReadFrom(metadata); err != nil {
		return fmt.Sprintf("%q", metadata)
	}
	return strings.Join(m.Topics, "+")
}

func formatJoin(r *kmsg.JoinGroupResponse) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s member=%s", code(r.ErrorCode), r.MemberID)
	if r.Generation == -1 && r.LeaderID == "" && (r.Protocol == nil || *r.Protocol == "") && r.ProtocolType == nil && len(r.Members) == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, " gen=%d type=%s protocol=%s leader=%s", r.Generation, null(r.ProtocolType), null(r.Protocol), r.LeaderID)
	if r.SkipAssignment {
		b.WriteString(" skip-assignment")
	}
	for _, m := range r.Members {
		fmt.Fprintf(&b, " [%s instance=%s %s]", m.MemberID, null(m.InstanceID), topics(m.ProtocolMetadata))
	}
	return b.String()
}

func formatSync(r *kmsg.SyncGroupResponse) string {
	if r.ErrorCode != 0 && len(r.MemberAssignment) == 0 && r.Protocol == nil && r.ProtocolType == nil {
		return code(r.ErrorCode)
	}
	return fmt.Sprintf("%s type=%s protocol=%s assignment=%q", code(r.ErrorCode), null(r.ProtocolType), null(r.Protocol), r.MemberAssignment)
}

func formatLeave(r *kmsg.LeaveGroupResponse) string {
	out := code(r.ErrorCode)
	for _, m := range r.Members {
		out += fmt.Sprintf(" [%s instance=%s %s]", m.MemberID, null(m.InstanceID), code(m.ErrorCode))
	}
	return out
}

func formatDescribed(g kmsg.DescribeGroupsResponseGroup) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s state=%s type=%q protocol=%q", code(g.ErrorCode), g.Group, g.State, g.ProtocolType, g.Protocol)
	if g.ErrorMessage != nil {
		fmt.Fprintf(&b, " message=%q", *g.ErrorMessage)
	}
	for _, m := range g.Members {
		fmt.Fprintf(&b, "\n  %s instance=%s client=%s host=%s metadata=%s assignment=%q", m.MemberID, null(m.InstanceID), m.ClientID, m.ClientHost, topics(m.ProtocolMetadata), m.MemberAssignment)
	}
	return b.String()
}

func formatCommit(r *kmsg.OffsetCommitResponse) string {
	var parts []string
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			parts = append(parts, fmt.Sprintf("%s/%d=%s", t.Topic, p.Partition, code(p.ErrorCode)))
		}
	}
	return strings.Join(parts, " ")
}

func formatFetch(r kmsg.OffsetFetchResponseGroup) string {
	parts := []string{code(r.ErrorCode)}
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			part := fmt.Sprintf("%s/%d=%d epoch=%d metadata=%s", t.Topic, p.Partition, p.Offset, p.LeaderEpoch, null(p.Metadata))
			if p.ErrorCode != 0 {
				part += " " + code(p.ErrorCode)
			}
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " ")
}

func formatOffsetDelete(r *kmsg.OffsetDeleteResponse) string {
	parts := []string{code(r.ErrorCode)}
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			parts = append(parts, fmt.Sprintf("%s/%d=%s", t.Topic, p.Partition, code(p.ErrorCode)))
		}
	}
	return strings.Join(parts, " ")
}

func (w *world) formatRecord(r machine.Record) string {
	kind, err := keyType(r.Key)
	if err != nil {
		return err.Error()
	}
	if kind == keyGroupMetadata {
		var key kmsg.GroupMetadataKey
		if err := key.ReadFrom(r.Key); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("+ group %s %s", key.Group, w.formatMetadata(r.Value))
	}
	var key kmsg.OffsetCommitKey
	if err := key.ReadFrom(r.Key); err != nil {
		return err.Error()
	}
	name := fmt.Sprintf("+ offset %s %s/%d", key.Group, key.Topic, key.Partition)
	if r.Value == nil {
		return name + " tombstone"
	}
	var v kmsg.OffsetCommitValue
	if err := v.ReadFrom(r.Value); err != nil {
		return err.Error()
	}
	name += fmt.Sprintf(" v%d offset=%d epoch=%d metadata=%q at=%s", v.Version, v.Offset, v.LeaderEpoch, v.Metadata, w.Since(v.CommitTimestamp))
	if v.Version == offsetCommitExpiryVersion {
		name += " expires=" + w.Since(v.ExpireTimestamp)
	}
	if v.TopicID != ([16]byte{}) {
		name += fmt.Sprintf(" id=%d", v.TopicID[15])
	}
	return name
}

func (w *world) formatMetadata(value []byte) string {
	if value == nil {
		return "tombstone"
	}
	var v kmsg.GroupMetadataValue
	if err := v.ReadFrom(value); err != nil {
		return err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "v%d gen=%d type=%q protocol=%s leader=%s since=%s", v.Version, v.Generation, v.ProtocolType, null(v.Protocol), null(v.Leader), w.Since(v.CurrentStateTimestamp))
	for _, m := range v.Members {
		fmt.Fprintf(&b, "\n  %s instance=%s client=%s host=%s session=%d rebalance=%d subscription=%s assignment=%q",
			m.MemberID, null(m.InstanceID), m.ClientID, m.ClientHost, m.SessionTimeoutMillis, m.RebalanceTimeoutMillis, topics(m.Subscription), m.Assignment)
	}
	return b.String()
}
