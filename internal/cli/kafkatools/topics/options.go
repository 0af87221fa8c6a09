// Package topics is the kafka-topics tool: create, delete, describe, list topics and add partitions.
package topics

import (
	"errors"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

const useConfigsTool = "(To alter topic configurations, the kafka-configs tool can be used.)"

const intro = "Creates, deletes, describes, lists and enlarges topics."

// options are the tool's options and the parsed command line.
type options struct {
	*tool.Options
	parser *tool.Parser

	bootstrap, commandConfig                *tool.Option
	list, create, remove, alter, describe   *tool.Option
	topic, topicID                          *tool.Option
	config, deleteConfig                    *tool.Option
	partitions, replicationFactor           *tool.Option
	assignment                              *tool.Option
	underReplicated, unavailable            *tool.Option
	underMinISR, atMinISR, overrides        *tool.Option
	ifExists, ifNotExists, excludeInternal  *tool.Option
	partitionSizeLimit                      *tool.Option
	actions, replicationReports, topicLevel []*tool.Option
}

func declare() *options {
	p := tool.NewParser(intro)
	o := &options{parser: p}
	o.bootstrap = p.String("bootstrap-server", "host:port", "Brokers to start from. Required.")
	o.commandConfig = p.String("command-config", "file", "Properties for the admin client.")
	o.list = p.Flag("list", "List topics.")
	o.create = p.Flag("create", "Create a topic.")
	o.remove = p.Flag("delete", "Delete topics.")
	o.alter = p.Flag("alter", "Raise the number of partitions. "+useConfigsTool)
	o.describe = p.Flag("describe", "Show topics with their partitions.")
	o.topic = p.String("topic", "topic", "The topic; for all actions but --create also a regular expression.")
	o.topicID = p.String("topic-id", "id", "The id of the topic to describe.")
	o.config = p.String("config", "name=value", "A setting of the topic being created; may be repeated. "+useConfigsTool).Repeated()
	o.deleteConfig = p.String("delete-config", "name", "Without effect since 4.0.").Repeated()
	o.partitions = p.Int("partitions", "count", "Partitions of the topic; the broker's default if absent at --create. More partitions change where keys go.")
	o.replicationFactor = p.Int("replication-factor", "count", "Replicas of each partition; the broker's default if absent.")
	o.assignment = p.String("replica-assignment", "b0:b1,b0:b1,…", "Brokers of each partition, replicas joined by colons, partitions by commas.")
	o.underReplicated = p.Flag("under-replicated-partitions", "Describe only partitions with replicas out of sync.")
	o.unavailable = p.Flag("unavailable-partitions", "Describe only partitions without a live leader.")
	o.underMinISR = p.Flag("under-min-isr-partitions", "Describe only partitions with fewer in-sync replicas than min.insync.replicas.")
	o.atMinISR = p.Flag("at-min-isr-partitions", "Describe only partitions with exactly min.insync.replicas in-sync replicas.")
	o.overrides = p.Flag("topics-with-overrides", "Describe only topics with settings of their own, without partitions.")
	o.ifExists = p.Flag("if-exists", "Do nothing if the topic does not exist (--alter, --delete, --describe).")
	o.ifNotExists = p.Flag("if-not-exists", "No error if the topic exists already (--create).")
	o.excludeInternal = p.Flag("exclude-internal", "Leave internal topics out (--list, --describe).")
	o.partitionSizeLimit = p.Int("partition-size-limit-per-response", "count", "Partitions in one answer of DescribeTopicPartitions.")
	o.actions = []*tool.Option{o.create, o.list, o.alter, o.describe, o.remove}
	o.topicLevel = []*tool.Option{o.alter, o.create, o.describe, o.list, o.remove}
	o.replicationReports = []*tool.Option{o.underReplicated, o.underMinISR, o.atMinISR, o.unavailable}
	return o
}

// read parses a command line and checks it as Apache's tool does.
func (o *options) read(s tool.IO, args []string) error {
	var err error
	if o.Options, err = o.parser.Parse(args); err != nil {
		return err
	}
	check := o.Check().HelpOrVersion()
	if check.Err() != nil {
		return check.Err()
	}
	count := 0
	for _, action := range o.actions {
		if o.Has(action) {
			count++
		}
	}
	if count != 1 {
		return tool.UsageError("Command must include exactly one action: --list, --describe, --create, --alter or --delete")
	}
	if o.Has(o.deleteConfig) {
		s.Errorln("delete-config has been without effect since 4.0 and will be removed.")
	}
	if err := o.checkRequired(s); err != nil {
		return err
	}
	return o.checkInvalid()
}

func (o *options) checkRequired(s tool.IO) error {
	if !o.Has(o.bootstrap) {
		return errors.New("--bootstrap-server must be specified")
	}
	if o.Has(o.describe) && o.Has(o.ifExists) {
		if !o.HasAny(o.topic, o.topicID) {
			return tool.UsageError("--topic or --topic-id is required to describe a topic")
		}
		if o.Has(o.topic) && o.Has(o.topicID) {
			s.Println("Only topic id will be used when both --topic and --topic-id are specified and topicId is not Uuid.ZERO_UUID")
		}
	}
	check := o.Check()
	if !o.HasAny(o.list, o.describe) {
		check.Required(o.topic)
	}
	if o.Has(o.alter) {
		if o.Has(o.config) {
			check.Fail(tool.UsageError("Option combination \"[%s, %s]\" can't be used with option \"%s\" %s", o.bootstrap, o.config, o.alter, useConfigsTool))
		}
		check.Required(o.partitions)
	}
	return check.Err()
}

func (o *options) checkInvalid() error {
	check := o.Check()
	check.Invalid(o.config, o.without(o.alter, o.create)...)
	check.Invalid(o.partitions, o.without(o.alter, o.create)...)
	check.Invalid(o.replicationFactor, o.without(o.create)...)
	check.Invalid(o.assignment, o.without(o.alter, o.create)...)
	if o.Has(o.create) {
		check.Invalid(o.assignment, o.partitions, o.replicationFactor)
	}
	for _, report := range o.replicationReports {
		check.Invalid(report, append(o.without(o.describe), o.overrides)...)
	}
	check.Invalid(o.overrides, append(o.without(o.describe), o.replicationReports...)...)
	check.Invalid(o.ifExists, o.without(o.alter, o.remove, o.describe)...)
	check.Invalid(o.ifNotExists, o.without(o.create)...)
	check.Invalid(o.excludeInternal, o.without(o.list, o.describe)...)
	return check.Err()
}

// without gives the actions but for these.
func (o *options) without(removed ...*tool.Option) []*tool.Option {
	var rest []*tool.Option
next:
	for _, action := range o.topicLevel {
		for _, r := range removed {
			if action == r {
				continue next
			}
		}
		rest = append(rest, action)
	}
	return rest
}
