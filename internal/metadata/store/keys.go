package store

import (
	"fmt"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/metadata"
)

// The keys. docs/metadata.md describes them and their values.
const (
	keyFormat      = "format"
	keyCluster     = "cluster"
	keyController  = "controller"
	keySequence    = "sequence"
	keyProducerIDs = "producer-ids"

	prefixFeatures   = "features/"
	prefixBrokers    = "brokers/"
	prefixPresence   = "presence/"
	prefixTopics     = "topics/"
	prefixPartitions = "partitions/"
	prefixConfigs    = "configs/"
)

// partitionsPerKey is how many partitions share a value; the first ones lie in the topic's own. With 128 even the largest
// topic that one request may create (10,000 partitions) fits into one transaction of an etcd with its usual limit of 128
// operations, and so is stored at once or not at all.
const partitionsPerKey = 128

func topicKey(id metadata.UUID) string { return prefixTopics + id.String() }

// chunkKey is the key of the partitions chunk*128 and following; chunk is at least 1.
func chunkKey(id metadata.UUID, chunk int) string {
	return fmt.Sprintf("%s%05d", chunkPrefix(id), chunk)
}

func chunkPrefix(id metadata.UUID) string { return prefixPartitions + id.String() + "/" }

func brokerKey(id int32) string { return prefixBrokers + strconv.Itoa(int(id)) }

func presenceKey(id int32) string { return prefixPresence + strconv.Itoa(int(id)) }

func configKey(r metadata.Resource) string {
	return prefixConfigs + strconv.Itoa(int(r.Type)) + "/" + r.Name
}

func parseConfigKey(rest string) (metadata.Resource, error) {
	number, name, ok := strings.Cut(rest, "/")
	kind, err := strconv.ParseInt(number, 10, 8)
	if !ok || err != nil {
		return metadata.Resource{}, fmt.Errorf("no resource type")
	}
	return metadata.Resource{Type: metadata.ResourceType(kind), Name: name}, nil
}

func parseChunkKey(rest string) (id metadata.UUID, chunk int, err error) {
	text, number, ok := strings.Cut(rest, "/")
	if !ok {
		return id, 0, fmt.Errorf("no part number")
	}
	if id, err = metadata.ParseUUID(text); err != nil {
		return id, 0, err
	}
	chunk, err = strconv.Atoi(number)
	if err == nil && chunk < 1 {
		err = fmt.Errorf("part number %d", chunk)
	}
	return id, chunk, err
}

func parseBrokerID(rest string) (int32, error) {
	id, err := strconv.ParseInt(rest, 10, 32)
	return int32(id), err
}
