// Package getoffsets is the kafka-get-offsets tool: offsets of partitions at a point in time.
package getoffsets

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Tool is kafka-get-offsets.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-get-offsets", Short: "Show the offsets of partitions", Run: run}
}

type options struct {
	*tool.Options
	parser                                    *tool.Parser
	bootstrap, commandConfig, topicPartitions *tool.Option
	topic, partitions, time, excludeInternal  *tool.Option
}

func declare() *options {
	p := tool.NewParser("Shows the offsets of partitions.")
	o := &options{parser: p}
	o.bootstrap = p.String("bootstrap-server", "host:port,…", "Brokers to start from. Required.")
	o.topicPartitions = p.String("topic-partitions", "topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3",
		"Patterns of partitions: a topic's regular expression (any topic if left out), and after a colon a partition, or a range "+
			"whose end is excluded. Not together with --topic or --partitions.")
	o.topic = p.String("topic", "topic", "The topic, or a regular expression; all topics if absent.")
	o.partitions = p.String("partitions", "ids", "Partitions, joined by commas; all if absent.")
	o.time = p.String("time", "timestamp", "Offset of the first record not older than this time in milliseconds, or one of -1 latest, -2 earliest, "+
		"-3 max-timestamp, -4 earliest-local, -5 latest-tiered, -6 earliest-pending-upload. Partitions without such a record are left out.").Default("latest")
	o.commandConfig = p.String("command-config", "file", "Properties for the admin client.")
	o.excludeInternal = p.Flag("exclude-internal-topics", "Leave internal topics out.")
	return o
}

func run(ctx context.Context, s tool.IO, args []string) int {
	o := declare()
	err := o.read(args)
	if err == nil {
		err = o.print(ctx, s)
	}
	var exit *tool.Exit
	if err != nil && !errors.As(err, &exit) {
		s.Errorln("Error occurred: " + tool.Message(err))
		return 1
	}
	return tool.Finish(s, o.parser, err)
}

func (o *options) read(args []string) error {
	var err error
	if o.Options, err = o.parser.ParseChecked(args, o.bootstrap); err != nil {
		return err
	}
	return tool.ValidateBootstrap(o.String(o.bootstrap))
}

func (o *options) print(ctx context.Context, s tool.IO) error {
	if o.Has(o.topicPartitions) && o.HasAny(o.topic, o.partitions) {
		return errors.New("--topic-partitions cannot be used with --topic or --partitions")
	}
	timestamp, err := parseTime(o.String(o.time))
	if err != nil {
		return err
	}
	filter, err := o.filter()
	if err != nil {
		return err
	}
	client, err := admin.Connect(o.String(o.bootstrap), o.String(o.commandConfig), nil)
	if err != nil {
		return err
	}
	defer client.Close()
	partitions, err := filter.partitions(ctx, client, o.Has(o.excludeInternal))
	if err != nil {
		return err
	}
	if len(partitions) == 0 {
		return tool.Errorf("Could not match any topic-partitions with the specified filters")
	}
	offsets, err := admin.ListOffsets(ctx, client, partitions, timestamp)
	if err != nil {
		return err
	}
	slices.SortFunc(partitions, func(a, b admin.TopicPartition) int { return strings.Compare(a.String(), b.String()) })
	for _, tp := range partitions {
		switch r := offsets[tp]; {
		case r.Err != nil:
			s.Errorln("Skip getting offsets for topic-partition " + tp.String() + " due to error: " + tool.Describe(r.Err))
		case r.Offset != admin.UnknownOffset:
			s.Printf("%s:%d:%d\n", tp.Topic, tp.Partition, r.Offset)
		}
	}
	return nil
}

var namedTimes = map[string]int64{
	"earliest":                admin.Earliest,
	"latest":                  admin.Latest,
	"max-timestamp":           admin.MaxTimestamp,
	"earliest-local":          admin.EarliestLocal,
	"latest-tiered":           admin.LatestTiered,
	"earliest-pending-upload": admin.EarliestPendingUpload,
}

func parseTime(text string) (int64, error) {
	if t, ok := namedTimes[text]; ok {
		return t, nil
	}
	t, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, tool.Errorf("Malformed time argument %s. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / "+
			"-4 or earliest-local / -5 or latest-tiered / -6 or earliest-pending-upload, or a specified long format timestamp", text)
	}
	return t, nil
}
