package topic

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/config"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// description is all about one topic.
type description struct {
	summary
	PartitionList []partition      `json:"partition_list"`
	Settings      []config.Setting `json:"settings"` // those that somebody has set
}

type partition struct {
	Partition   int32   `json:"partition"`
	Leader      int32   `json:"leader"` // -1: none
	LeaderEpoch int32   `json:"leader_epoch"`
	Replicas    []int32 `json:"replicas"`
	ISR         []int32 `json:"isr"`
	Offline     []int32 `json:"offline_replicas,omitempty"`
	Start       int64   `json:"start_offset"` // -1: not known
	End         int64   `json:"end_offset"`   // -1: not known
	SizeBytes   int64   `json:"size_bytes"`   // of one replica, the largest; -1: not known
}

func describeCommand(p *profile.Profile) *cobra.Command {
	return &cobra.Command{
		Use:     "describe NAME...",
		Aliases: []string{"show", "info"},
		Short:   "Show topics: partitions with their replicas and offsets, and settings that were changed",
		Example: `  ottla topic describe orders
  ottla topic describe orders -o wide
  ottla topic describe orders returns -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: p.Topics(0),
		RunE: func(c *cobra.Command, args []string) error {
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return describe(ctx, s, profile.Distinct(args)) })
		},
	}
}

func describe(ctx context.Context, s *profile.Session, names []string) error {
	topics, missing := lookup(ctx, s.Admin, names)
	if len(topics) == 0 {
		return missing
	}
	sizes := sizesByPartition(ctx, s.Admin)
	descriptions := []description{}
	var sheets []*output.Sheet
	for _, t := range topics {
		d, err := describeOne(ctx, s, t, sizes)
		if err != nil {
			return err
		}
		descriptions = append(descriptions, d)
		sheets = append(sheets, d.sheets()...)
	}
	if err := s.Out.Print(descriptions, sheets...); err != nil {
		return err
	}
	return missing
}

func describeOne(ctx context.Context, s *profile.Session, t kadm.TopicDetail, sizes map[string]map[int32]int64) (description, error) {
	d := description{summary: summarize(t), Settings: []config.Setting{}, PartitionList: []partition{}}
	settings, err := config.Describe(ctx, s.Client, config.Topic(t.Topic))
	if err != nil {
		return d, err
	}
	for _, setting := range settings {
		if !setting.IsDefault() {
			d.Settings = append(d.Settings, setting)
		}
	}
	starts, err := s.Admin.ListStartOffsets(ctx, t.Topic)
	if err != nil {
		return d, err
	}
	ends, err := s.Admin.ListEndOffsets(ctx, t.Topic)
	if err != nil {
		return d, err
	}
	d.Records, d.SizeBytes = 0, -1
	for _, p := range t.Partitions.Sorted() {
		one := partition{
			Partition: p.Partition, Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, Replicas: p.Replicas, ISR: p.ISR, Offline: p.OfflineReplicas,
			Start: offsetOf(starts, t.Topic, p.Partition), End: offsetOf(ends, t.Topic, p.Partition), SizeBytes: -1,
		}
		if size, ok := sizes[t.Topic][p.Partition]; ok {
			one.SizeBytes = size
			d.SizeBytes = max(d.SizeBytes, 0) + size*int64(len(p.Replicas))
		}
		if one.Start >= 0 && one.End >= 0 {
			d.Records += one.End - one.Start
		}
		d.PartitionList = append(d.PartitionList, one)
	}
	return d, nil
}

func offsetOf(offsets kadm.ListedOffsets, topic string, partition int32) int64 {
	o, ok := offsets.Lookup(topic, partition)
	if !ok || o.Err != nil {
		return -1
	}
	return o.Offset
}

func sizesByPartition(ctx context.Context, admin *kadm.Client) map[string]map[int32]int64 {
	all, err := admin.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return nil // the rest of the description does not depend on it
	}
	sizes := map[string]map[int32]int64{}
	all.Each(func(d kadm.DescribedLogDir) {
		d.Topics.Each(func(p kadm.DescribedLogDirPartition) {
			if sizes[p.Topic] == nil {
				sizes[p.Topic] = map[int32]int64{}
			}
			sizes[p.Topic][p.Partition] = max(sizes[p.Topic][p.Partition], p.Size)
		})
	})
	return sizes
}

func (d description) sheets() []*output.Sheet {
	facts := output.Facts("topic", d.Name, "id", d.ID, "partitions", d.Partitions, "replicas", d.Replicas, "records", d.Records, "size", output.Bytes(d.SizeBytes))
	if d.UnderReplicated > 0 {
		facts.Row("under-replicated", output.Plural(d.UnderReplicated, "partition"))
	}
	if d.Offline > 0 {
		facts.Row("offline", output.Plural(d.Offline, "partition"))
	}
	partitions := output.NewSheet(output.Right("PARTITION"), output.Right("LEADER"), output.Right("EPOCH").InWide(), output.Left("REPLICAS"), output.Left("ISR"),
		output.Left("OFFLINE").InWide(), output.Right("START"), output.Right("END"), output.Right("RECORDS"), output.Right("SIZE").InWide())
	for _, p := range d.PartitionList {
		leader, records := "none", int64(-1)
		if p.Leader >= 0 {
			leader = output.Count(int64(p.Leader))
		}
		if p.Start >= 0 && p.End >= 0 {
			records = p.End - p.Start
		}
		partitions.Row(p.Partition, leader, p.LeaderEpoch, output.Numbers(p.Replicas), output.Numbers(p.ISR), output.Numbers(p.Offline),
			output.Count(p.Start), output.Count(p.End), output.Count(records), output.Bytes(p.SizeBytes))
	}
	sheets := []*output.Sheet{facts, partitions}
	if len(d.Settings) > 0 {
		sheets = append(sheets, config.Sheet(d.Settings))
	}
	return sheets
}
