// Package consumergroups is the kafka-consumer-groups tool: it lists, describes and deletes consumer groups, and resets and
// deletes their committed offsets.
package consumergroups

import (
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

const intro = "Lists, describes and deletes consumer groups, and resets or deletes their offsets."

// options are the tool's options and the parsed command line.
type options struct {
	*tool.Options
	parser *tool.Parser

	bootstrap, commandConfig, timeout              *tool.Option
	list, describe, remove, reset, deleteOffsets   *tool.Option
	validateRegex                                  *tool.Option
	group, allGroups, topic, allTopics             *tool.Option
	members, offsets, state, groupType, verbose    *tool.Option
	dryRun, execute, export                        *tool.Option
	toOffset, toDatetime, byDuration, toEarliest   *tool.Option
	toLatest, toCurrent, shiftBy, fromFile         *tool.Option
	actions, selections, levels, scenarios, detail []*tool.Option
}

func declare() *options {
	p := tool.NewParser(intro)
	o := &options{parser: p}
	o.bootstrap = p.String("bootstrap-server", "host:port", "Brokers to start from. Required but for --validate-regex.")
	o.commandConfig = p.String("command-config", "file", "Properties for the admin client.")
	o.timeout = p.Long("timeout", "ms", "Longest time for each question to the cluster.").Default("30000")
	o.list = p.Flag("list", "List consumer groups.")
	o.describe = p.Flag("describe", "Show groups with their offsets and lag.")
	o.remove = p.Flag("delete", "Delete groups with all their offsets.")
	o.reset = p.Flag("reset-offsets", "Move the committed offsets of groups without members. Only a plan is shown unless --execute is there. "+
		"Say where to by one of --to-datetime, --by-duration, --to-earliest, --to-latest, --shift-by, --from-file, --to-current, --to-offset, "+
		"and for what by --all-topics or --topic (not needed with --from-file).")
	o.deleteOffsets = p.Flag("delete-offsets", "Delete the committed offsets of topics from one group.")
	o.validateRegex = p.String("validate-regex", "regex", "Check a regular expression against the RE2 syntax, which brokers use.")
	o.group = p.String("group", "group", "The group; may be repeated where several make sense.").Repeated()
	o.allGroups = p.Flag("all-groups", "All groups.")
	o.topic = p.String("topic", "topic[:partitions]", "The topic, for --reset-offsets and --delete-offsets; may be repeated. \"topic:0,1\" names partitions.").Repeated()
	o.allTopics = p.Flag("all-topics", "All topics for which the group has offsets (--reset-offsets).")
	o.members = p.Flag("members", "Describe the members.").AvailableIf(o.describe)
	o.offsets = p.Flag("offsets", "Describe offsets and lag; this is the default.").AvailableIf(o.describe)
	o.state = p.String("state", "", "With --describe: the group's state. With --list: show the state, or list only groups in the given states, joined by commas.").
		OptionalArgument().AvailableIf(o.describe, o.list)
	o.groupType = p.String("type", "", "With --list: show the type, or list only groups of the given types, joined by commas.").
		OptionalArgument().AvailableIf(o.list)
	o.verbose = p.Flag("verbose", "Describe in more detail.").AvailableIf(o.describe)
	o.dryRun = p.Flag("dry-run", "Only show what --reset-offsets would do.")
	o.execute = p.Flag("execute", "Really reset the offsets.")
	o.export = p.Flag("export", "Print the plan of --reset-offsets as CSV, fit for --from-file.")
	o.toOffset = p.Long("to-offset", "offset", "Reset to this offset.").Repeated()
	o.fromFile = p.String("from-file", "file", "Reset to the offsets of a CSV file with lines of topic,partition,offset, or with the group in front.").Repeated()
	o.toDatetime = p.String("to-datetime", "YYYY-MM-DDThh:mm:ss.sss", "Reset to the first offset from this time on.").Repeated()
	o.byDuration = p.String("by-duration", "PnDTnHnMnS", "Reset to the first offset from this long ago on.")
	o.toEarliest = p.Flag("to-earliest", "Reset to the first offset.")
	o.toLatest = p.Flag("to-latest", "Reset to the end.")
	o.toCurrent = p.Flag("to-current", "Reset to the committed offset, or the end where there is none.")
	o.shiftBy = p.Long("shift-by", "count", "Move by this many offsets, forwards or (if negative) backwards.")
	o.actions = []*tool.Option{o.list, o.describe, o.remove, o.reset, o.deleteOffsets, o.validateRegex}
	o.selections = []*tool.Option{o.group, o.allGroups}
	o.levels = []*tool.Option{o.list, o.describe, o.remove, o.reset}
	o.scenarios = []*tool.Option{o.toOffset, o.shiftBy, o.toDatetime, o.byDuration, o.toEarliest, o.toLatest, o.toCurrent, o.fromFile}
	o.detail = []*tool.Option{o.members, o.offsets, o.state}
	return o
}

// read parses a command line and checks it as Apache's tool does.
func (o *options) read(s tool.IO, args []string) error {
	var err error
	if o.Options, err = o.parser.Parse(args); err != nil {
		return err
	}
	check := o.Check().HelpOrVersion()
	if o.Options != nil && !o.Has(o.validateRegex) {
		check.Required(o.bootstrap)
	}
	if check.Err() != nil {
		return check.Err()
	}
	for _, part := range []func(tool.IO) error{o.checkDescribe, o.checkDelete, o.checkReset, o.checkScope} {
		if err := part(s); err != nil {
			return err
		}
	}
	if count(o, o.actions) != 1 {
		names := make([]string, len(o.actions))
		for i, a := range o.actions {
			names[i] = "--" + a.Name()
		}
		return tool.UsageError("Command must include exactly one action: %s", strings.Join(names, ", "))
	}
	return nil
}

func count(o *options, opts []*tool.Option) int {
	n := 0
	for _, opt := range opts {
		if o.Has(opt) {
			n++
		}
	}
	return n
}

func names(opts []*tool.Option) string {
	texts := make([]string, len(opts))
	for i, o := range opts {
		texts[i] = o.String()
	}
	return strings.Join(texts, ", ")
}

func (o *options) checkDescribe(tool.IO) error {
	switch {
	case !o.Has(o.describe):
		return nil
	case !o.HasAny(o.selections...):
		return tool.UsageError("Option %s takes one of these options: %s", o.describe, names(o.selections))
	case count(o, o.detail) > 1:
		return tool.UsageError("Option %s takes at most one of these options: %s", o.describe, names(o.detail))
	case o.HasValue(o.state):
		return tool.UsageError("Option %s does not take a value for %s", o.describe, o.state)
	}
	return nil
}

func (o *options) checkDelete(tool.IO) error {
	switch {
	case o.Has(o.remove) && !o.HasAny(o.selections...):
		return tool.UsageError("Option %s takes one of these options: %s", o.remove, names(o.selections))
	case o.Has(o.remove) && o.Has(o.topic):
		return tool.UsageError("The consumer does not support topic-specific offset deletion from a consumer group.")
	case o.Has(o.deleteOffsets) && !(o.Has(o.group) && o.Has(o.topic)):
		return tool.UsageError("Option %s takes the following options: %s", o.deleteOffsets, names([]*tool.Option{o.group, o.topic}))
	}
	return nil
}

func (o *options) checkReset(s tool.IO) error {
	if !o.Has(o.reset) {
		return nil
	}
	if o.Has(o.dryRun) && o.Has(o.execute) {
		return tool.UsageError("Option %s only accepts one of %s and %s", o.reset, o.execute, o.dryRun)
	}
	if !o.HasAny(o.dryRun, o.execute) {
		s.Errorln("WARN: Nothing is changed, since --execute is missing. From version 5.0 on the command will demand --dry-run or " +
			"--execute: scripts that only want the plan should pass --dry-run.")
	}
	if !o.HasAny(o.selections...) {
		return tool.UsageError("Option %s takes one of these options: %s", o.reset, names(o.selections))
	}
	check := o.Check()
	for _, scenario := range o.scenarios {
		for _, other := range o.scenarios {
			if other != scenario {
				check.Invalid(scenario, other)
			}
		}
	}
	return check.Err()
}

func (o *options) checkScope(tool.IO) error {
	check := o.Check()
	check.Invalid(o.group, o.allGroups)
	check.Invalid(o.group, o.list)
	check.Invalid(o.topic, o.list, o.describe)
	return check.Err()
}
