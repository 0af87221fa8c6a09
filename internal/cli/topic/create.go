package topic

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"ottla.dev/ottla/internal/cli/config"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type createOptions struct {
	names       []string
	partitions  int32
	replicas    int16
	configs     []string
	ifNotExists bool
	dryRun      bool
}

func createCommand(p *profile.Profile) *cobra.Command {
	var o createOptions
	c := &cobra.Command{
		Use:     "create NAME...",
		Aliases: []string{"add"},
		Short:   "Create topics",
		Long:    "Create topics. What is not said is the broker's default: num.partitions and default.replication.factor.",
		Example: `  ottla topic create orders
  ottla topic create orders returns --partitions 6 --config retention.ms=86400000 --config compression.type=zstd
  ottla topic create orders --if-not-exists
  ottla topic create orders --partitions 6 --dry-run`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.names = profile.Distinct(args)
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return create(ctx, s, o) })
		},
	}
	f := c.Flags()
	f.Int32VarP(&o.partitions, "partitions", "p", -1, "number of partitions (-1: the broker's default)")
	f.Int16VarP(&o.replicas, "replicas", "r", -1, "replicas of each partition (-1: the broker's default)")
	f.StringArrayVarP(&o.configs, "config", "c", nil, "a setting of the topic as key=value; may be repeated")
	f.BoolVar(&o.ifNotExists, "if-not-exists", false, "leave a topic alone that exists already")
	f.BoolVar(&o.dryRun, "dry-run", false, "ask the broker whether it would work, and change nothing")
	profile.CompleteFlag(c, "config", config.TopicSettingNames)
	return c
}

func create(ctx context.Context, s *profile.Session, o createOptions) error {
	configs, err := assignments(o.configs)
	if err != nil {
		return err
	}
	ask := s.Admin.CreateTopics
	if o.dryRun {
		ask = s.Admin.ValidateCreateTopics
	}
	answers, err := ask(ctx, o.partitions, o.replicas, configs, o.names...)
	if err != nil {
		return err
	}
	results := make([]output.Result, 0, len(o.names))
	for _, name := range o.names {
		results = append(results, created(answers[name], name, o))
	}
	return s.Out.Results("topic", results)
}

func created(answer kadm.CreateTopicResponse, name string, o createOptions) output.Result {
	r := output.Result{Name: name, Action: "created", DryRun: o.dryRun}
	if o.dryRun {
		r.Action = "would be created"
	}
	switch {
	case errors.Is(answer.Err, kerr.TopicAlreadyExists) && o.ifNotExists:
		r.Action = "exists already"
	case answer.Err != nil:
		return r.Fail("topic "+name, answer.Err, answer.ErrMessage)
	case answer.NumPartitions > 0:
		r.Detail = partitionsAndReplicas(int(answer.NumPartitions), int(answer.ReplicationFactor))
	}
	return r
}
