package topic

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type listOptions struct {
	pattern  string
	internal bool
}

// summary is a topic in a list. Records counts offsets, so what compaction or transactions took from a log is in it.
type summary struct {
	Name            string `json:"name"`
	ID              string `json:"id"`
	Internal        bool   `json:"internal"`
	Partitions      int    `json:"partitions"`
	Replicas        int    `json:"replication_factor"`
	UnderReplicated int    `json:"under_replicated_partitions"`
	Offline         int    `json:"offline_partitions"`
	Records         int64  `json:"records"`    // -1: not known
	SizeBytes       int64  `json:"size_bytes"` // of all replicas; -1: not known
}

func listCommand(p *profile.Profile) *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use:     "list [PATTERN]",
		Aliases: []string{"ls"},
		Short:   "List topics",
		Long:    "List topics, all or those whose name matches a pattern such as 'orders-*'. The wide form adds records, size on disk and id.",
		Example: `  ottla topic list
  ottla topic list 'orders-*' -o wide
  ottla topic list -o json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: p.Topics(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.pattern = args[0]
			}
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return list(ctx, s, o) })
		},
	}
	c.Flags().BoolVar(&o.internal, "internal", false, "also internal topics, such as __consumer_offsets")
	return c
}

func list(ctx context.Context, s *profile.Session, o listOptions) error {
	matches, err := profile.Matcher(o.pattern)
	if err != nil {
		return err
	}
	found, err := s.Admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	topics := []summary{}
	for _, t := range found {
		if !matches(t.Topic) || t.IsInternal && !o.internal {
			continue
		}
		topics = append(topics, summarize(t))
	}
	slices.SortFunc(topics, func(a, b summary) int { return cmp.Compare(a.Name, b.Name) })
	if s.Out.Format != output.Table {
		if err := measure(ctx, s.Admin, topics); err != nil {
			return err
		}
	}
	sheet := output.NewSheet(output.Left("NAME"), output.Right("PARTITIONS"), output.Right("REPLICAS"), output.Right("RECORDS").InWide(),
		output.Right("SIZE").InWide(), output.Right("UNDER-REPLICATED").InWide(), output.Right("OFFLINE").InWide(), output.Left("ID").InWide()).
		IfEmpty("no topics; make one with `ottla topic create NAME`")
	if o.pattern != "" {
		sheet.IfEmpty("no topic matches " + o.pattern)
	}
	for _, t := range topics {
		sheet.Row(t.Name, t.Partitions, t.Replicas, output.Count(t.Records), output.Bytes(t.SizeBytes), t.UnderReplicated, t.Offline, t.ID)
	}
	return s.Out.Print(topics, sheet)
}

func summarize(t kadm.TopicDetail) summary {
	s := summary{Name: t.Topic, ID: idText(t.ID), Internal: t.IsInternal, Partitions: len(t.Partitions), Records: -1, SizeBytes: -1}
	for _, p := range t.Partitions {
		s.Replicas = max(s.Replicas, len(p.Replicas))
		if len(p.ISR) < len(p.Replicas) {
			s.UnderReplicated++
		}
		if p.Leader < 0 {
			s.Offline++
		}
	}
	return s
}

// idText writes a topic's id as Kafka's tools do.
func idText(id kadm.TopicID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// measure adds the number of records and the size on disk. What a broker does not tell stays unknown.
func measure(ctx context.Context, admin *kadm.Client, topics []summary) error {
	if len(topics) == 0 {
		return nil
	}
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	starts, err := admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return err
	}
	ends, err := admin.ListEndOffsets(ctx, names...)
	if err != nil {
		return err
	}
	sizes := sizesByTopic(ctx, admin)
	for i, t := range topics {
		records, known := int64(0), true
		for partition, end := range ends[t.Name] {
			start, ok := starts.Lookup(t.Name, partition)
			known = known && ok && start.Err == nil && end.Err == nil
			records += end.Offset - start.Offset
		}
		if known {
			topics[i].Records = records
		}
		if sizes != nil {
			topics[i].SizeBytes = sizes[t.Name]
		}
	}
	return nil
}

// sizesByTopic adds up what the log directories hold; nil if brokers do not tell.
func sizesByTopic(ctx context.Context, admin *kadm.Client) map[string]int64 {
	all, err := admin.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return nil
	}
	sizes := map[string]int64{}
	all.Each(func(d kadm.DescribedLogDir) {
		d.Topics.Each(func(p kadm.DescribedLogDirPartition) { sizes[p.Topic] += p.Size })
	})
	return sizes
}
