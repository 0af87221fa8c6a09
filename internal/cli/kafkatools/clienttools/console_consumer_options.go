package clienttools

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// consoleConsumerOptions are the options of kafka-console-consumer.
type consoleConsumerOptions struct {
	parser *tool.Parser
	opts   *tool.Options

	topic, include, partition, offset, formatter, formatterConfig *tool.Option
	fromBeginning, maxMessages, timeout, skipOnError, bootstrap   *tool.Option
	keyDeserializer, valueDeserializer, systestEvents             *tool.Option
	isolationLevel, group                                         *tool.Option
	property, config, formatterProperty                           pair
}

func newConsoleConsumerOptions() *consoleConsumerOptions {
	p := tool.NewParser("This tool helps to read data from Kafka topics and outputs it to standard output.")
	o := &consoleConsumerOptions{parser: p}
	o.topic = p.String("topic", "topic", "The topic to consume.")
	o.include = p.String("include", "Java regex (String)", "A regular expression for the topics to consume.")
	o.partition = p.Int("partition", "partition", "The partition to consume, from its end unless --offset says otherwise.")
	o.offset = p.String("offset", "consume offset", "Where to start: an offset, 'earliest' or 'latest'.").Default("latest")
	o.property = pair{
		current:    p.String("command-property", "consumer_prop", "A setting of the consumer, key=value.").Repeated(),
		deprecated: p.String("consumer-property", "consumer_prop", "(Deprecated) The same as --command-property.").Repeated(),
		note:       "Option --consumer-property is deprecated and will be removed in a future version. Use --command-property instead.",
	}
	o.config = pair{
		current:    p.String("command-config", "config file", "A properties file with settings of the consumer; --command-property wins over it."),
		deprecated: p.String("consumer.config", "config file", "(Deprecated) The same as --command-config."),
		note:       "Option --consumer.config is deprecated and will be removed in a future version. Use --command-config instead.",
	}
	o.formatter = p.String("formatter", "class", "The class that formats records.").Default(defaultFormatter)
	const formatterDoc = "A setting of the formatter, key=value: print.timestamp, print.key, print.offset, print.epoch, print.partition, " +
		"print.headers, print.value, print.delivery (true or false), key.separator, line.separator, headers.separator, null.literal, " +
		"key.deserializer, value.deserializer, headers.deserializer."
	o.formatterProperty = pair{
		current:    p.String("formatter-property", "prop", formatterDoc).Repeated(),
		deprecated: p.String("property", "prop", "(Deprecated) The same as --formatter-property.").Repeated(),
		note:       "Option --property is deprecated and will be removed in a future version. Use --formatter-property instead.",
	}
	o.formatterConfig = p.String("formatter-config", "config file", "A properties file with settings of the formatter; --formatter-property wins over it.")
	o.fromBeginning = p.Flag("from-beginning", "Start at the earliest record where the group has no offset yet.")
	o.maxMessages = p.Int("max-messages", "num_messages", "End after this many records.")
	o.timeout = p.Long("timeout-ms", "timeout_ms", "End when no record came for so long.")
	o.skipOnError = p.Flag("skip-message-on-error", "Leave out a record that cannot be formatted instead of ending.")
	o.bootstrap = p.String("bootstrap-server", "server to connect to", "REQUIRED: brokers to connect to.")
	o.keyDeserializer = p.String("key-deserializer", "deserializer for keys", "The class that reads keys.")
	o.valueDeserializer = p.String("value-deserializer", "deserializer for values", "The class that reads values.")
	o.systestEvents = p.Flag("enable-systest-events", "Print the consumer's life cycle too, for system tests.")
	o.isolationLevel = p.String("isolation-level", "", "read_committed or read_uncommitted.").Default("read_uncommitted")
	o.group = p.String("group", "consumer group id", "The consumer group.")
	return o
}

// consolePlan is what the command line of the console consumer asks for.
type consolePlan struct {
	properties  map[string]string
	settings    consumerSettings
	formatter   formatter
	topic       string
	include     string
	partition   int32 // -1 with a group
	start       startAt
	maxMessages int64 // -1 without an end
	timeout     time.Duration
	skipOnError bool
	systest     bool
}

// startAt is where to start in a partition: an offset, or one of these two.
type startAt int64

const (
	startLatest   startAt = -1
	startEarliest startAt = -2
)

// plan reads and checks the command line.
func (o *consoleConsumerOptions) plan(s tool.IO, args []string, log *logger) (plan consolePlan, err error) {
	if o.opts, err = o.parser.Parse(args); err != nil {
		return plan, tool.UsageError("%s", err)
	}
	if err := o.opts.Check().HelpOrVersion().Err(); err != nil {
		return plan, err
	}
	if err := o.check(); err != nil {
		return plan, err
	}
	properties, groups, err := o.consumerProperties(s)
	if err != nil {
		return plan, err
	}
	plan = consolePlan{
		properties:  properties,
		topic:       o.opts.String(o.topic),
		include:     o.opts.String(o.include),
		partition:   -1,
		maxMessages: -1,
		timeout:     math.MaxInt64,
		skipOnError: o.opts.Has(o.skipOnError),
		systest:     o.opts.Has(o.systestEvents),
	}
	if o.opts.Has(o.partition) {
		if len(groups) > 0 {
			return plan, tool.UsageError("Options group and partition cannot be specified together.")
		}
		plan.partition = o.opts.Int(o.partition)
	}
	if o.opts.Has(o.maxMessages) {
		plan.maxMessages = int64(o.opts.Int(o.maxMessages))
	}
	if ms := o.opts.Long(o.timeout); o.opts.Has(o.timeout) && ms >= 0 {
		plan.timeout = time.Duration(min(ms, int64(math.MaxInt64/time.Millisecond))) * time.Millisecond
	}
	if plan.start, err = o.startOffset(); err != nil {
		return plan, err
	}
	if plan.formatter, err = o.newFormatter(s, log); err != nil {
		return plan, err
	}
	plan.settings, err = consumerOptions(properties)
	return plan, err
}

// check demands what belongs together, in the order in which Apache's tool notices.
func (o *consoleConsumerOptions) check() error {
	check := o.opts.Check().OneOf(o.topic, o.include)
	if err := check.Err(); err != nil {
		return err
	}
	if err := o.opts.ValueError(); err != nil {
		return err
	}
	switch {
	case o.opts.Has(o.partition) && !o.opts.Has(o.topic):
		return tool.UsageError("The topic is required when partition is specified.")
	case o.opts.Has(o.partition) && o.opts.Has(o.fromBeginning) && o.opts.Has(o.offset):
		return tool.UsageError("Options from-beginning and offset cannot be specified together.")
	case !o.opts.Has(o.partition) && o.opts.Has(o.offset):
		return tool.UsageError("The partition is required when offset is specified.")
	}
	if err := check.Required(o.bootstrap).Err(); err != nil {
		return err
	}
	if err := o.property.together(o.opts); err != nil {
		return swapNames(err, o.property)
	}
	return swapNames(o.config.together(o.opts), o.config)
}

// swapNames words the clash of a pair as this tool does: the deprecated option first.
func swapNames(err error, p pair) error {
	if err == nil {
		return nil
	}
	return tool.UsageError("Options --%s and --%s cannot be specified together.", p.deprecated.Name(), p.current.Name())
}

// consumerProperties merges file, arguments and options. It also gives the group ids that the user named.
func (o *consoleConsumerOptions) consumerProperties(s tool.IO) (properties map[string]string, groups []string, err error) {
	pairs := keyValues(o.opts.Strings(o.property.choose(s, o.opts)))
	file, err := fileAndPairs(o.opts.String(o.config.choose(s, o.opts)), nil)
	if err != nil {
		return nil, nil, err
	}
	addGroup := func(id string, given bool) {
		if given && !slices.Contains(groups, id) {
			groups = append(groups, id)
		}
	}
	addGroup(o.opts.String(o.group), o.opts.Has(o.group))
	for _, from := range []map[string]string{file, pairs} {
		id, given := from["group.id"]
		addGroup(id, given)
	}
	if len(groups) > 1 {
		return nil, nil, tool.UsageError("The group ids provided in different places (directly using '--group', via '--consumer-property', "+
			"or via '--consumer.config') do not match. Detected group ids: '%s'", strings.Join(groups, "', '"))
	}
	properties = file
	maps.Copy(properties, pairs)
	if reset, given := properties["auto.offset.reset"]; given {
		if o.opts.Has(o.fromBeginning) && reset != "earliest" {
			return nil, nil, tool.Fail("Can't simultaneously specify --from-beginning and 'auto.offset.reset=%s', please remove one option", reset)
		}
	} else if o.opts.Has(o.fromBeginning) {
		properties["auto.offset.reset"] = "earliest"
	}
	properties["bootstrap.servers"] = o.opts.String(o.bootstrap)
	setDefault(properties, "client.id", "console-consumer")
	mergeOption(properties, "isolation.level", o.opts, o.isolationLevel)
	if len(groups) == 0 {
		properties["group.id"] = "console-consumer-" + strconv.Itoa(rand.IntN(100_000))
		setDefault(properties, "enable.auto.commit", "false") // nobody will use the group again
	} else {
		properties["group.id"] = groups[0]
	}
	return properties, groups, nil
}

func (o *consoleConsumerOptions) startOffset() (startAt, error) {
	if !o.opts.Has(o.offset) {
		if o.opts.Has(o.fromBeginning) {
			return startEarliest, nil
		}
		return startLatest, nil
	}
	text := o.opts.String(o.offset)
	switch strings.ToLower(text) {
	case "earliest":
		return startEarliest, nil
	case "latest":
		return startLatest, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, tool.UsageError("The provided offset value '%s' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long.", text)
	}
	return startAt(n), nil
}

func (o *consoleConsumerOptions) newFormatter(s tool.IO, log *logger) (formatter, error) {
	if err := o.formatterProperty.together(o.opts); err != nil {
		return nil, swapNames(err, o.formatterProperty)
	}
	properties, err := fileAndPairs(o.opts.String(o.formatterConfig), nil)
	if err != nil {
		return nil, tool.UsageError("%s", err)
	}
	if class := o.opts.String(o.keyDeserializer); class != "" {
		properties["key.deserializer"] = class
	}
	if class := o.opts.String(o.valueDeserializer); class != "" {
		properties["value.deserializer"] = class
	}
	maps.Copy(properties, keyValues(o.opts.Strings(o.formatterProperty.choose(s, o.opts))))
	class := o.opts.String(o.formatter)
	f, ok := newFormatter(class, properties, log)
	if !ok {
		return nil, tool.UsageError("%s", class)
	}
	return f, nil
}

// topicRegex makes a pattern that must match a whole name, as Java's matching does.
func topicRegex(pattern string) string { return "^(?:" + pattern + ")$" }

// subscribe gives the options that choose topics, by name or by pattern; a pattern leaves internal topics out unless
// exclude.internal.topics says otherwise.
func subscribe(topic, include string, properties map[string]string) ([]kgo.Opt, error) {
	if include == "" {
		return []kgo.Opt{kgo.ConsumeTopics(topic)}, nil
	}
	if err := checkPattern(include); err != nil {
		return nil, exceptionf(classPattern, "%v", err)
	}
	opts := []kgo.Opt{kgo.ConsumeRegex(), kgo.ConsumeTopics(topicRegex(include))}
	s := &settings{properties: properties}
	if s.boolean("exclude.internal.topics", true) {
		opts = append(opts, kgo.ConsumeExcludeTopics("^__consumer_offsets$", "^__transaction_state$", "^__share_group_state$"))
	}
	return opts, s.err
}
