// Package deleterecords is the kafka-delete-records tool: it moves the start of partitions up to given offsets.
package deleterecords

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Tool is kafka-delete-records.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-delete-records", Short: "Delete the records of partitions up to an offset", Run: run}
}

func run(ctx context.Context, s tool.IO, args []string) int {
	p := tool.NewParser("Deletes the records of partitions in front of the given offsets.")
	bootstrap := p.String("bootstrap-server", "host:port", "Brokers to start from. Required.")
	file := p.String("offset-json-file", "file", `JSON file that names the partitions and the offsets. Required. Its form: `+
		`{"partitions": [{"topic": "foo", "partition": 1, "offset": 1}], "version": 1}`)
	commandConfig := p.String("command-config", "file", "Properties for the admin client.")
	o, err := p.ParseChecked(args, bootstrap, file)
	if err == nil {
		err = execute(ctx, s, o.String(bootstrap), o.String(commandConfig), o.String(file))
	}
	return tool.Finish(s, p, err)
}

// target is one partition and the offset that becomes its first.
type target struct {
	admin.TopicPartition
	offset int64
}

func execute(ctx context.Context, s tool.IO, bootstrap, commandConfig, file string) error {
	client, err := admin.Connect(bootstrap, commandConfig, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	text, err := os.ReadFile(file)
	if err != nil {
		return tool.Errorf("Unable to read file %s", file)
	}
	targets, err := parseTargets(text)
	if err != nil {
		return err
	}
	s.Println("Executing records delete operation")
	results, err := deleteRecords(ctx, client, targets)
	if err != nil {
		return err
	}
	s.Println("Records delete operation completed:")
	for _, t := range targets {
		r := results[t.TopicPartition]
		if r.Err != nil {
			s.Printf("partition: %s\terror: %s\n", t, tool.Describe(r.Err))
		} else {
			s.Printf("partition: %s\tlow_watermark: %d\n", t, r.Offset)
		}
	}
	return nil
}

func deleteRecords(ctx context.Context, c *tool.Client, targets []target) (map[admin.TopicPartition]admin.OffsetResult, error) {
	results := map[admin.TopicPartition]admin.OffsetResult{}
	known, err := knownTargets(ctx, c, targets, results)
	if err != nil || len(known) == 0 {
		return results, err
	}
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = int32(c.APITimeout.Milliseconds())
	byTopic := map[string][]kmsg.DeleteRecordsRequestTopicPartition{}
	for _, t := range known {
		p := kmsg.NewDeleteRecordsRequestTopicPartition()
		p.Partition, p.Offset = t.Partition, t.offset
		byTopic[t.Topic] = append(byTopic[t.Topic], p)
	}
	for topic, partitions := range byTopic {
		t := kmsg.NewDeleteRecordsRequestTopic()
		t.Topic, t.Partitions = topic, partitions
		req.Topics = append(req.Topics, t)
	}
	resp, err := tool.Call[*kmsg.DeleteRecordsResponse](ctx, c, "deleteRecords", req)
	if err != nil {
		return nil, err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			tp := admin.TopicPartition{Topic: t.Topic, Partition: p.Partition}
			results[tp] = admin.OffsetResult{Offset: p.LowWatermark, Err: tool.CodeError(p.ErrorCode, nil)}
		}
	}
	return results, nil
}

// knownTargets leaves out the partitions that do not exist, and says so in the results.
func knownTargets(ctx context.Context, c *tool.Client, targets []target, results map[admin.TopicPartition]admin.OffsetResult) ([]target, error) {
	var names []string
	for _, t := range targets {
		if !slices.Contains(names, t.Topic) {
			names = append(names, t.Topic)
		}
	}
	const pageSize = 2000
	topics, _, err := admin.TryDescribeTopics(ctx, c, names, pageSize)
	if err != nil {
		return nil, err
	}
	exists := map[admin.TopicPartition]bool{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			exists[admin.TopicPartition{Topic: t.Name, Partition: p.Partition}] = true
		}
	}
	const unknownTopicOrPartition = 3
	var known []target
	for _, t := range targets {
		if exists[t.TopicPartition] {
			known = append(known, t)
		} else {
			results[t.TopicPartition] = admin.OffsetResult{Err: tool.CodeError(unknownTopicOrPartition, nil)}
		}
	}
	return known, nil
}

// parseTargets reads the JSON file, sorted by partition.
func parseTargets(text []byte) ([]target, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(text, &top); err != nil {
		return nil, tool.Errorf("The input string is not a valid JSON")
	}
	if raw, ok := top["version"]; ok && string(raw) != "1" {
		return nil, tool.Errorf("Not supported version field value %s", raw)
	}
	raw, ok := top["partitions"]
	if !ok {
		return nil, tool.Errorf("Missing partitions field")
	}
	var entries []struct {
		Topic     *string
		Partition *int32
		Offset    *int64
	}
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, tool.Errorf("Expected topic, partition and offset of each entry of partitions: %w", err)
	}
	var targets []target
	var twice []string
	for i, e := range entries {
		if e.Topic == nil || e.Partition == nil || e.Offset == nil {
			return nil, tool.Errorf("Entry %d of partitions must name topic, partition and offset", i+1)
		}
		t := target{admin.TopicPartition{Topic: *e.Topic, Partition: *e.Partition}, *e.Offset}
		if slices.ContainsFunc(targets, func(o target) bool { return o.TopicPartition == t.TopicPartition }) {
			twice = append(twice, t.String())
		}
		targets = append(targets, t)
	}
	if twice != nil {
		slices.Sort(twice)
		return nil, tool.Errorf("Offset json file contains duplicate topic partitions: %s", strings.Join(slices.Compact(twice), ","))
	}
	slices.SortFunc(targets, func(a, b target) int { return a.Compare(b.TopicPartition) })
	return targets, nil
}
