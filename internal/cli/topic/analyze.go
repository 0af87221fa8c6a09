package topic

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/position"
	"ottla.dev/ottla/internal/cli/profile"
	"ottla.dev/ottla/internal/cli/topic/analysis"
)

type analyzeOptions struct {
	topic       string
	partitions  []int32
	from, until position.Flag
	analysis.Options
}

// analyzed is the result for programs.
type analyzed struct {
	Topic      string            `json:"topic"`
	Total      analysis.Report   `json:"total"`
	Partitions []analysis.Report `json:"partitions"`
}

func analyzeCommand(p *profile.Profile) *cobra.Command {
	var o analyzeOptions
	c := &cobra.Command{
		Use:   "analyze NAME",
		Short: "Read a topic and tell what is in it: sizes, keys, tombstones, transactions, what compaction would remove",
		Long: `Read a topic, all of it or a part, and tell what is in it. All records are read, also those of transactions that are open or aborted; nothing
is committed for any group. Positions are ` + position.Help + `.

Distinct keys, and what they tell about compaction, are exact for up to --max-keys keys per partition and estimated from a sample beyond; then "about" stands
before them. A record is superseded if a later one has its key in the same partition: that is what the log cleaner removes. "dirty" is the part of
the log from the first superseding record on. The cleaner has not been further, so what it counts is that much or more. Records of aborted
transactions count as any others here; the cleaner removes them besides.`,
		Example: `  ottla topic analyze orders
  ottla topic analyze orders --partition 0,1 --from -1d
  ottla topic analyze orders --from 1000 --until 2000 --top 3
  ottla topic analyze orders -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.Topics(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.topic = args[0]
			return p.Stream(c, func(ctx context.Context, s *profile.Session) error { return analyze(ctx, s, o) })
		},
	}
	f := c.Flags()
	f.Int32SliceVarP(&o.partitions, "partition", "p", nil, "only these partitions; may be repeated")
	f.Int32SliceVar(&o.partitions, "partitions", nil, "the same")
	if err := f.MarkHidden("partitions"); err != nil {
		panic(err) // the flag stands one line above
	}
	f.Var(&o.from, "from", "where to begin in each partition (default start)")
	f.Var(&o.until, "until", "where to end in each partition (default end)")
	f.IntVar(&o.MaxKeys, "max-keys", analysis.DefaultMaxKeys, "how many keys to remember, some 50 bytes each")
	f.IntVar(&o.Top, "top", 10, "how many of the most frequent keys to show")
	return c
}

func (o analyzeOptions) check() error {
	switch {
	case o.MaxKeys < 1:
		return output.Usagef("--max-keys %d: must be 1 or more", o.MaxKeys)
	case o.Top < 0 || o.Top > 1000:
		return output.Usagef("--top %d: must be from 0 to 1000", o.Top)
	}
	return nil
}

// span is what to read of a partition.
type span struct {
	partition   int32
	from, until int64
}

func (o analyzeOptions) spans(ctx context.Context, s *profile.Session) ([]span, error) {
	if !o.from.IsSet() {
		o.from.Position = position.Start
	}
	if !o.until.IsSet() {
		o.until.Position = position.End
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	from, err := o.from.Resolve(ctx, s.Admin, o.topic)
	if err != nil {
		return nil, err
	}
	until, err := o.until.Resolve(ctx, s.Admin, o.topic)
	if err != nil {
		return nil, err
	}
	wanted := o.partitions
	if len(wanted) == 0 {
		wanted = slices.Collect(maps.Keys(from[o.topic]))
	}
	var spans []span
	for _, partition := range slices.Compact(slices.Sorted(slices.Values(wanted))) {
		begin, ok := from[o.topic][partition]
		if !ok {
			return nil, output.NotFoundf("topic %s has no partition %d", o.topic, partition)
		}
		end := until[o.topic][partition]
		spans = append(spans, span{partition, begin.Offset, max(end.Offset, begin.Offset)})
	}
	return spans, nil
}

func analyze(ctx context.Context, s *profile.Session, o analyzeOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	spans, err := o.spans(ctx, s)
	if err != nil {
		return err
	}
	fetcher, err := newRawFetcher(s, o.topic)
	if err != nil {
		return err
	}
	defer fetcher.client.Close()
	total := int64(0)
	for _, sp := range spans {
		total += sp.until - sp.from
	}
	bar := s.Out.Progress(total)
	defer bar.End()
	topic := analysis.NewTopic(o.Options)
	done, bytes := int64(0), int64(0)
	for _, sp := range spans {
		a := topic.Partition(sp.partition, sp.from, sp.until)
		began, err := fetcher.walk(ctx, sp.partition, sp.from, sp.until, func(batches []byte, at int64) (int64, error) {
			next, err := a.Add(batches, at)
			bytes += int64(len(batches))
			bar.At(done+next-sp.from, fmt.Sprintf("partition %d, %s", sp.partition, output.Bytes(bytes)))
			return next, err
		})
		if err != nil {
			return err
		}
		if began > sp.from {
			s.Out.Say("partition %d: what lay before offset %d was deleted meanwhile", sp.partition, began)
		}
		done += sp.until - sp.from
		topic.Done(a, time.Now())
	}
	bar.End()
	result := analyzed{Topic: o.topic}
	result.Total, result.Partitions = topic.Reports(time.Now())
	return s.Out.Print(result, result.sheets()...)
}
