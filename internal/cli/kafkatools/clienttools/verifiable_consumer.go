package clienttools

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// verifiableConsumerOptions are the options of kafka-verifiable-consumer.
type verifiableConsumerOptions struct {
	parser *tool.Parser
	opts   *tool.Options

	bootstrap, topic, groupProtocol, remoteAssignor, groupID *tool.Option
	instanceID, maxMessages, sessionTimeout, verbose         *tool.Option
	autoCommit, resetPolicy, assignmentStrategy              *tool.Option
	consumerConfig, commandConfig                            *tool.Option
}

func newVerifiableConsumerOptions() *verifiableConsumerOptions {
	p := tool.NewArgParser("verifiable-consumer", "Consumes a topic and prints events (rebalances, records received, offsets committed) as JSON lines.", 0)
	o := &verifiableConsumerOptions{parser: p}
	o.bootstrap = p.String("bootstrap-server", "HOST1:PORT1[,HOST2:PORT2[...]]", "Brokers to connect to.").Required()
	o.topic = p.String("topic", "TOPIC", "The topic to consume.").Required()
	o.groupProtocol = p.String("group-protocol", "GROUP-PROTOCOL", "The group protocol, classic or consumer.").Default("classic")
	o.remoteAssignor = p.String("group-remote-assignor", "GROUP-REMOTE-ASSIGNOR", "The broker's assignor; only with the consumer protocol.")
	o.groupID = p.String("group-id", "GROUP-ID", "The consumer group.").Required()
	o.instanceID = p.String("group-instance-id", "GROUP-INSTANCE-ID", "The name of this member, for static membership.")
	o.maxMessages = p.Int("max-messages", "MAX-MESSAGES", "How many records to consume; -1 consumes until the process is ended.").Default("-1")
	o.sessionTimeout = p.Int("session-timeout", "TIMEOUT-MS", "The session timeout; not with the consumer protocol.")
	o.verbose = p.Flag("verbose", "Print every record.")
	o.autoCommit = p.Flag("enable-autocommit", "Commit offsets automatically.")
	o.resetPolicy = p.String("reset-policy", "RESET-POLICY", "earliest, latest or none.").Default("earliest")
	o.assignmentStrategy = p.String("assignment-strategy", "ASSIGNMENT-STRATEGY", "The assignor's class; only with the classic protocol.").
		Default("org.apache.kafka.clients.consumer.RangeAssignor")
	o.consumerConfig = p.String("consumer.config", "CONFIG-FILE", "(Deprecated) The same as --command-config.")
	o.commandConfig = p.String("command-config", "CONFIG-FILE", "A properties file with settings of the consumer; options win over it.")
	return o
}

// properties merges file and options, which win.
func (o *verifiableConsumerOptions) properties(s tool.IO) (map[string]string, error) {
	properties, err := verifiableConfig(s, o.parser, o.opts, o.consumerConfig, o.commandConfig)
	if err != nil {
		return nil, err
	}
	fromOptions := map[string]string{
		"bootstrap.servers":  o.opts.String(o.bootstrap),
		"group.id":           o.opts.String(o.groupID),
		"enable.auto.commit": strconv.FormatBool(o.opts.Has(o.autoCommit)),
		"auto.offset.reset":  o.opts.String(o.resetPolicy),
		"group.protocol":     strings.ToLower(o.opts.String(o.groupProtocol)),
	}
	maps.Copy(properties, fromOptions)
	switch {
	case properties["group.protocol"] != "consumer":
		properties["partition.assignment.strategy"] = o.opts.String(o.assignmentStrategy)
	case o.opts.Has(o.remoteAssignor):
		properties["group.remote.assignor"] = o.opts.String(o.remoteAssignor)
	}
	if o.opts.Has(o.sessionTimeout) {
		properties["session.timeout.ms"] = o.opts.String(o.sessionTimeout)
	}
	if o.opts.Has(o.instanceID) {
		properties["group.instance.id"] = o.opts.String(o.instanceID)
	}
	setDefault(properties, "client.id", "consumer-"+properties["group.id"]+"-1")
	return properties, nil
}

// runVerifiableConsumer is kafka-verifiable-consumer.
func runVerifiableConsumer(ctx context.Context, s tool.IO, args []string) int {
	o := newVerifiableConsumerOptions()
	if len(args) == 0 {
		s.Println(o.parser.HelpText())
		return 0
	}
	var err error
	if o.opts, err = o.parser.Parse(args); err != nil {
		return tool.Finish(s, o.parser, err)
	}
	properties, err := o.properties(s)
	if err != nil {
		return tool.Finish(s, o.parser, err)
	}
	c := &verifiableConsumer{
		events: events{out: s.Stdout}, log: newLogger(s.Stderr), clientID: properties["client.id"],
		maxMessages: int64(o.opts.Int(o.maxMessages)), verbose: o.opts.Has(o.verbose), autoCommit: o.opts.Has(o.autoCommit),
	}
	if err := c.connect(properties, o.opts.String(o.topic)); err != nil {
		return tool.Finish(s, o.parser, err)
	}
	c.run(ctx)
	if ctx.Err() != nil {
		return exitInterrupted
	}
	return 0
}

// verifiableConsumer consumes and tells what it does.
type verifiableConsumer struct {
	events
	log           *logger
	clientID      string
	client        *kgo.Client
	positions     *positions
	pollMax       int
	maxMessages   int64 // negative without an end
	consumed      int64
	verbose       bool
	autoCommit    bool
	consumerGroup bool
}

func (c *verifiableConsumer) connect(properties map[string]string, topic string) error {
	settings, err := consumerOptions(properties)
	if err != nil {
		return err
	}
	group, err := groupOptions(properties, settings)
	if err != nil {
		return err
	}
	c.pollMax, c.consumerGroup = settings.maxPollRecords, settings.consumerGroup
	c.positions = newPositions(settings.autoCommit)
	opts := append(append(settings.options, group...), kgo.ConsumeTopics(topic), kgo.BlockRebalanceOnPoll(),
		kgo.WithLogger(clientLogger{c.log, "Consumer clientId=" + c.clientID}))
	opts = append(opts, c.positions.options(c.assigned, c.revoked)...)
	c.print("startup_complete", nil) // before the client can tell of its first partitions
	if c.client, err = kgo.NewClient(opts...); err == nil {
		c.positions.use(c.client)
	}
	return err
}

func (c *verifiableConsumer) assigned(partitions map[string][]int32) {
	c.print("partitions_assigned", func(line []byte) []byte { return appendPartitions(line, partitions) })
}

func (c *verifiableConsumer) revoked(partitions map[string][]int32) {
	c.print("partitions_revoked", func(line []byte) []byte { return appendPartitions(line, partitions) })
}

// appendPartitions appends "partitions", sorted.
func appendPartitions(line []byte, partitions map[string][]int32) []byte {
	line = append(appendName(line, "partitions"), '[')
	for _, topic := range slices.Sorted(maps.Keys(partitions)) {
		for _, partition := range slices.Sorted(slices.Values(partitions[topic])) {
			if line[len(line)-1] != '[' {
				line = append(line, ',')
			}
			line = append(appendPartition(line, topic, partition), '}')
		}
	}
	return append(line, ']')
}

// run consumes until enough records came or the process is ended. The system tests that drive it want every event of its
// life, in order, also when it ends on its own.
func (c *verifiableConsumer) run(ctx context.Context) {
	err := c.consume(ctx)
	if interrupted(err) {
		c.print("shutdown_requested", nil)
	} else if err != nil {
		c.log.log("ERROR", "org.apache.kafka.tools.VerifiableConsumer", "Error during processing, terminating consumer process: ", err)
	}
	closing, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	c.client.AllowRebalance()
	_ = c.client.LeaveGroupContext(closing) // the session timeout removes a member that could not say goodbye
	c.client.Close()
	c.print("shutdown_complete", nil)
	if !interrupted(err) {
		c.print("shutdown_requested", nil) // Java's shutdown hook runs at any end
	}
}

func (c *verifiableConsumer) consume(ctx context.Context) error {
	if err := checkGroupProtocol(ctx, c.client, c.consumerGroup); err != nil {
		return err
	}
	for c.maxMessages < 0 || c.consumed < c.maxMessages {
		fetches := c.client.PollRecords(ctx, c.pollMax)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return errInterrupted
		}
		if err := fetchFailure(fetches, c.log, c.clientID); err != nil {
			return err
		}
		if !fetches.Empty() {
			offsets := c.received(fetches)
			if !c.autoCommit {
				if err := c.commit(ctx, offsets); err != nil {
					return err
				}
			}
		}
		c.client.AllowRebalance()
	}
	return nil
}

// summary is what one poll brought from one partition.
type summary struct {
	topic                string
	partition            int32
	count                int
	minOffset, maxOffset int64
}

// received prints what one poll brought, up to the wanted number, and gives the offsets to commit.
func (c *verifiableConsumer) received(fetches kgo.Fetches) map[string]map[int32]kgo.EpochOffset {
	offsets := map[string]map[int32]kgo.EpochOffset{}
	var summaries []summary
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		records := p.Records
		if left := c.maxMessages - c.consumed; c.maxMessages >= 0 && int64(len(records)) > left {
			records = records[:left]
		}
		if len(records) == 0 {
			return
		}
		first, last := records[0], records[len(records)-1]
		if offsets[p.Topic] == nil {
			offsets[p.Topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[p.Topic][p.Partition] = kgo.EpochOffset{Epoch: last.LeaderEpoch, Offset: last.Offset + 1}
		summaries = append(summaries, summary{p.Topic, p.Partition, len(records), first.Offset, last.Offset})
		if c.verbose {
			for _, r := range records {
				c.print("record_data", func(line []byte) []byte { return appendRecordData(line, r) })
			}
		}
		c.positions.consumed(last)
		c.consumed += int64(len(records))
	})
	slices.SortFunc(summaries, func(a, b summary) int {
		return cmp.Or(strings.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
	c.print("records_consumed", func(line []byte) []byte {
		line = appendNumber(line, "count", fetches.NumRecords())
		line = append(appendName(line, "partitions"), '[')
		for i, s := range summaries {
			if i > 0 {
				line = append(line, ',')
			}
			line = appendNumber(appendPartition(line, s.topic, s.partition), "count", s.count)
			line = appendNumber(line, "minOffset", s.minOffset)
			line = append(appendNumber(line, "maxOffset", s.maxOffset), '}')
		}
		return append(line, ']')
	})
	return offsets
}

func appendRecordData(line []byte, r *kgo.Record) []byte {
	line = appendNullable(line, "key", r.Key)
	line = appendNullable(line, "value", r.Value)
	line = appendField(line, "topic", r.Topic)
	line = appendNumber(line, "partition", r.Partition)
	return appendNumber(line, "offset", r.Offset)
}

// commit stores offsets and tells how it went. Only a static member that was replaced ends over it.
func (c *verifiableConsumer) commit(ctx context.Context, offsets map[string]map[int32]kgo.EpochOffset) error {
	var failure error
	c.client.CommitOffsetsSync(context.WithoutCancel(ctx), offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		failure = err
		if err != nil {
			return
		}
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				if failure == nil {
					failure = kerr.ErrorForCode(p.ErrorCode)
				}
			}
		}
	})
	if failure == kerr.FencedInstanceID {
		return failure
	}
	c.print("offsets_committed", func(line []byte) []byte {
		line = append(appendName(line, "offsets"), '[')
		for _, topic := range slices.Sorted(maps.Keys(offsets)) {
			for _, partition := range slices.Sorted(maps.Keys(offsets[topic])) {
				if line[len(line)-1] != '[' {
					line = append(line, ',')
				}
				line = appendPartition(line, topic, partition)
				line = append(appendNumber(line, "offset", offsets[topic][partition].Offset), '}')
			}
		}
		line = append(line, ']')
		if failure != nil {
			line = appendField(line, "error", tool.Message(failure))
		}
		return strconv.AppendBool(appendName(line, "success"), failure == nil)
	})
	return nil
}
