// Package admin asks a cluster what the admin tools need to know, in the words of Kafka's admin client: topics and their
// partitions, offsets, settings, groups. It adds nothing but routing, paging and the fall-backs for older brokers.
package admin

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String is Kafka's way to write it: topic-partition.
func (tp TopicPartition) String() string { return tp.Topic + "-" + strconv.Itoa(int(tp.Partition)) }

// Compare orders by topic, then by partition.
func (tp TopicPartition) Compare(other TopicPartition) int {
	return cmp.Or(strings.Compare(tp.Topic, other.Topic), cmp.Compare(tp.Partition, other.Partition))
}

// Keys of requests whose versions are limited.
const (
	offsetCommitKey = 8
	offsetFetchKey  = 9
)

// Connect makes a client for an admin tool from the values of --bootstrap-server and --command-config.
func Connect(bootstrap, commandConfigFile string, defaults map[string]string) (*tool.Client, error) {
	props, err := tool.ClientProperties(bootstrap, commandConfigFile, defaults)
	if err != nil {
		return nil, err
	}
	// From version 10 on offsets are fetched and committed by topic id; the admin tools speak of topics by name.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(offsetCommitKey, 9)
	versions.SetMaxKeyVersion(offsetFetchKey, 9)
	return tool.NewClient(props, kgo.MaxVersions(versions))
}

// Unsupported tells whether an error says that the broker does not know the request.
func Unsupported(err error) bool {
	if err == nil {
		return false
	}
	const unsupportedVersion = 35
	if tool.CodeOf(err) == unsupportedVersion {
		return true
	}
	// The client library does not export the error of a request that the broker has not listed.
	return strings.Contains(err.Error(), "broker is too old")
}

// Node is a broker as metadata tells of it.
type Node struct {
	ID   int32
	Host string
	Port int32
	Rack *string
}

// Brokers lists the live brokers, sorted by id.
func Brokers(ctx context.Context, c *tool.Client) ([]Node, error) {
	bounded, cancel := c.Bounded(ctx)
	defer cancel()
	meta, err := c.Admin.BrokerMetadata(bounded)
	if err != nil {
		return nil, c.CallError(ctx, bounded, "listNodes", err)
	}
	var nodes []Node
	for _, b := range meta.Brokers {
		nodes = append(nodes, Node{ID: b.NodeID, Host: b.Host, Port: b.Port, Rack: b.Rack})
	}
	return nodes, nil
}
