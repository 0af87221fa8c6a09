package admin

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// TopicID is a topic's id.
type TopicID [16]byte

// String is the id in Kafka's base64 form.
func (id TopicID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseTopicID reads Kafka's base64 form.
func ParseTopicID(s string) (TopicID, error) {
	var id TopicID
	if len(s) > 24 {
		return id, tool.Errorf("Input string with prefix `%s` is too long to be decoded as a base64 UUID", s[:24])
	}
	raw, err := base64.RawURLEncoding.DecodeString(trimPadding(s))
	if err != nil {
		return id, tool.Errorf("Illegal base64 in `%s`", s)
	}
	if len(raw) != len(id) {
		return id, tool.Errorf("Input string `%s` decoded as %d bytes, which is not equal to the expected 16 bytes of a base64-encoded UUID", s, len(raw))
	}
	copy(id[:], raw)
	return id, nil
}

func trimPadding(s string) string {
	for len(s) > 0 && s[len(s)-1] == '=' {
		s = s[:len(s)-1]
	}
	return s
}

// TopicListing is a topic as a list shows it.
type TopicListing struct {
	Name     string
	ID       TopicID
	Internal bool
}

// Partition is one partition's state. The two ELR lists are nil when the broker cannot tell.
type Partition struct {
	Partition    int32
	Leader       int32 // -1: none
	Replicas     []int32
	ISR          []int32
	ELR          []int32
	LastKnownELR []int32
}

// Topic is a topic with its partitions, sorted.
type Topic struct {
	TopicListing
	Partitions []Partition
}

// ListTopics lists all topics, sorted by name.
func ListTopics(ctx context.Context, c *tool.Client, internal bool) ([]TopicListing, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil
	resp, err := tool.Call[*kmsg.MetadataResponse](ctx, c, "listTopics", req)
	if err != nil {
		return nil, err
	}
	var list []TopicListing
	for _, t := range resp.Topics {
		if t.Topic == nil || t.IsInternal && !internal {
			continue
		}
		list = append(list, TopicListing{Name: *t.Topic, ID: t.TopicID, Internal: t.IsInternal})
	}
	slices.SortFunc(list, func(a, b TopicListing) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// TopicNames is ListTopics for tools that need the names alone.
func TopicNames(ctx context.Context, c *tool.Client, internal bool) ([]string, error) {
	list, err := ListTopics(ctx, c, internal)
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = t.Name
	}
	return names, err
}

// TopicError is the error of one topic among several.
type TopicError struct {
	Topic string
	Err   error
}

// Error gives the message of the inner error.
func (e *TopicError) Error() string { return e.Err.Error() }

// Unwrap gives the inner error.
func (e *TopicError) Unwrap() error { return e.Err }

// DescribeTopics describes topics by name, sorted by name; a topic's error fails all.
func DescribeTopics(ctx context.Context, c *tool.Client, names []string, partitionLimit int32) ([]Topic, error) {
	topics, failed, err := TryDescribeTopics(ctx, c, names, partitionLimit)
	if err != nil {
		return nil, err
	}
	for _, f := range failed {
		return nil, f.Err
	}
	return topics, nil
}

// TryDescribeTopics describes topics by name and tells the topics that failed apart.
func TryDescribeTopics(ctx context.Context, c *tool.Client, names []string, partitionLimit int32) ([]Topic, []TopicError, error) {
	if len(names) == 0 {
		return nil, nil, nil
	}
	topics, failed, err := describeByPages(ctx, c, names, partitionLimit)
	if Unsupported(err) {
		req := kmsg.NewPtrMetadataRequest()
		for _, name := range names {
			t := kmsg.NewMetadataRequestTopic()
			t.Topic = kmsg.StringPtr(name)
			req.Topics = append(req.Topics, t)
		}
		topics, failed, err = describeByMetadata(ctx, c, req)
	}
	slices.SortFunc(topics, func(a, b Topic) int { return cmp.Compare(a.Name, b.Name) })
	return topics, failed, err
}

// DescribeTopicIDs describes topics by id.
func DescribeTopicIDs(ctx context.Context, c *tool.Client, ids []TopicID) ([]Topic, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, id := range ids {
		t := kmsg.NewMetadataRequestTopic()
		t.TopicID = id
		req.Topics = append(req.Topics, t)
	}
	topics, failed, err := describeByMetadata(ctx, c, req)
	if err != nil {
		return nil, err
	}
	for _, f := range failed {
		return nil, f.Err
	}
	return topics, nil
}

func describeByMetadata(ctx context.Context, c *tool.Client, req *kmsg.MetadataRequest) ([]Topic, []TopicError, error) {
	req.AllowAutoTopicCreation = false
	resp, err := tool.Call[*kmsg.MetadataResponse](ctx, c, "describeTopics", req)
	if err != nil {
		return nil, nil, err
	}
	var topics []Topic
	var failed []TopicError
	for _, t := range resp.Topics {
		name := ""
		if t.Topic != nil {
			name = *t.Topic
		}
		if err := tool.CodeError(t.ErrorCode, nil); err != nil {
			failed = append(failed, TopicError{name, err})
			continue
		}
		topic := Topic{TopicListing: TopicListing{Name: name, ID: t.TopicID, Internal: t.IsInternal}}
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, Partition{
				Partition: p.Partition, Leader: p.Leader, Replicas: p.Replicas, ISR: p.ISR,
			})
		}
		topic.sort()
		topics = append(topics, topic)
	}
	return topics, failed, nil
}

// describeByPages uses DescribeTopicPartitions, which tells of eligible leader replicas and answers in pages.
func describeByPages(ctx context.Context, c *tool.Client, names []string, limit int32) ([]Topic, []TopicError, error) {
	found := map[string]*Topic{}
	var failed []TopicError
	sorted := slices.Sorted(slices.Values(names))
	var cursor *kmsg.DescribeTopicPartitionsRequestCursor
	for {
		req := kmsg.NewPtrDescribeTopicPartitionsRequest()
		req.ResponsePartitionLimit = limit
		req.Cursor = cursor
		for _, name := range sorted {
			if cursor != nil && name < cursor.Topic {
				continue
			}
			t := kmsg.NewDescribeTopicPartitionsRequestTopic()
			t.Topic = name
			req.Topics = append(req.Topics, t)
		}
		resp, err := tool.Call[*kmsg.DescribeTopicPartitionsResponse](ctx, c, "describeTopicPartitions", req)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range resp.Topics {
			if t.Topic == nil {
				continue
			}
			if err := tool.CodeError(t.ErrorCode, nil); err != nil {
				failed = append(failed, TopicError{*t.Topic, err})
				continue
			}
			addPage(found, t)
		}
		if resp.NextCursor == nil {
			return collect(found), failed, nil
		}
		cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: resp.NextCursor.Topic, Partition: resp.NextCursor.Partition}
	}
}

func addPage(found map[string]*Topic, t kmsg.DescribeTopicPartitionsResponseTopic) {
	topic := found[*t.Topic]
	if topic == nil {
		topic = &Topic{TopicListing: TopicListing{Name: *t.Topic, ID: t.TopicID, Internal: t.IsInternal}}
		found[*t.Topic] = topic
	}
	for _, p := range t.Partitions {
		topic.Partitions = append(topic.Partitions, Partition{
			Partition: p.Partition, Leader: p.LeaderID, Replicas: p.Replicas, ISR: p.ISR,
			ELR: notNil(p.EligibleLeaderReplicas), LastKnownELR: notNil(p.LastKnownELR),
		})
	}
}

func collect(found map[string]*Topic) []Topic {
	topics := make([]Topic, 0, len(found))
	for _, t := range found {
		t.sort()
		topics = append(topics, *t)
	}
	return topics
}

func notNil(list []int32) []int32 {
	if list == nil {
		return []int32{}
	}
	return list
}

func (t *Topic) sort() {
	slices.SortFunc(t.Partitions, func(a, b Partition) int { return cmp.Compare(a.Partition, b.Partition) })
}
