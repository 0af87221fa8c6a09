package clienttools

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

const consoleConsumerClass = "org.apache.kafka.tools.consumer.ConsoleConsumer"

// closeTimeout bounds the commit and the goodbye to the group at the end.
const closeTimeout = 30 * time.Second

// errIdle ends a consumer that --timeout-ms gave up.
var errIdle = error(&exception{class: classTimeout})

// outputBroken is printed when nobody reads standard output any more.
const outputBroken = "Unable to write to standard out, closing consumer."

// runConsoleConsumer is kafka-console-consumer.
func runConsoleConsumer(ctx context.Context, s tool.IO, args []string) int {
	o := newConsoleConsumerOptions()
	log := newLogger(s.Stderr)
	plan, err := o.plan(s, args, log)
	if err != nil {
		return tool.Finish(s, o.parser, err)
	}
	if plan.partition < 0 && !plan.settings.consumerGroup {
		s.Errorln("The consumer rebalance protocol (KIP-848) is production-ready! Set group.protocol=consumer to try it out. " +
			"See https://kafka.apache.org/documentation/#consumer_rebalance_protocol")
	}
	c, err := newConsoleConsumer(ctx, plan, log)
	if err != nil {
		log.log("ERROR", consoleConsumerClass, "Unknown error when running consumer: ", err)
		return 1
	}
	err = c.consume(ctx, s)
	c.close()
	s.Errorf("Processed a total of %d messages\n", c.count)
	code := 0
	switch {
	case err != nil:
		log.log("ERROR", consoleConsumerClass, "Unknown error when running consumer: ", err)
		code = 1
	case ctx.Err() != nil:
		code = exitInterrupted
	}
	if plan.systest {
		s.Println("shutdown_complete")
	}
	return code
}

// consoleConsumer prints records as they come.
type consoleConsumer struct {
	plan      consolePlan
	log       *logger
	client    *kgo.Client
	positions *positions // nil without a group
	count     int64
}

func newConsoleConsumer(ctx context.Context, plan consolePlan, log *logger) (*consoleConsumer, error) {
	c := &consoleConsumer{plan: plan, log: log}
	opts := append([]kgo.Opt{kgo.WithLogger(clientLogger{log, "Consumer clientId=" + plan.properties["client.id"]})}, plan.settings.options...)
	if plan.partition >= 0 {
		client, err := kgo.NewClient(opts...)
		if err != nil {
			return nil, err
		}
		c.client = client
		c.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{plan.topic: {plan.partition: c.startOffset(ctx)}})
		return c, nil
	}
	topics, err := subscribe(plan.topic, plan.include, plan.properties)
	if err != nil {
		return nil, err
	}
	group, err := groupOptions(plan.properties, plan.settings)
	if err != nil {
		return nil, err
	}
	opts = append(append(opts, topics...), group...)
	c.positions = newPositions(plan.settings.autoCommit)
	opts = append(opts, c.positions.options(nil, nil)...)
	if c.client, err = kgo.NewClient(opts...); err == nil {
		c.positions.use(c.client)
	}
	return c, err
}

// startOffset says where a partition that was asked for by number starts. An offset that the log does not have is treated
// by auto.offset.reset, as Kafka's consumer does; the Go client would take the nearest one.
func (c *consoleConsumer) startOffset(ctx context.Context) kgo.Offset {
	switch c.plan.start {
	case startEarliest:
		return kgo.NewOffset().AtStart()
	case startLatest:
		return kgo.NewOffset().AtEnd()
	}
	at := int64(c.plan.start)
	limited, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	admin := kadm.NewClient(c.client)
	start, err := admin.ListStartOffsets(limited, c.plan.topic)
	if err == nil {
		var end kadm.ListedOffsets
		if end, err = admin.ListEndOffsets(limited, c.plan.topic); err == nil {
			first, ok1 := start.Lookup(c.plan.topic, c.plan.partition)
			last, ok2 := end.Lookup(c.plan.topic, c.plan.partition)
			if ok1 && ok2 && first.Err == nil && last.Err == nil && (at < first.Offset || at > last.Offset) {
				return c.plan.settings.reset
			}
		}
	}
	return kgo.NewOffset().At(at)
}

// consume prints records until the wanted number, the timeout, an interrupt or an error. Errors of the consumer are logged
// and end it with success, as in Apache's tool; what cannot be formatted or written is returned.
func (c *consoleConsumer) consume(ctx context.Context, s tool.IO) error {
	out := bufio.NewWriterSize(s.Stdout, 64<<10)
	var line []byte
	unsupported := checkGroupProtocol(ctx, c.client, c.plan.settings.consumerGroup && c.plan.partition < 0)
	for c.plan.maxMessages < 0 || c.count < c.plan.maxMessages {
		records, err := []*kgo.Record(nil), unsupported
		if err == nil {
			records, err = c.receive(ctx)
		}
		if err != nil {
			if !interrupted(err) {
				c.log.log("ERROR", consoleConsumerClass, "Error processing message, terminating consumer process: ", err)
			}
			return nil
		}
		for _, r := range records {
			c.count++
			line, err = c.plan.formatter.format(line[:0], r)
			if err != nil && !c.plan.skipOnError {
				_ = out.Flush() // the formatter's error is the one to tell
				return err
			}
			if err != nil {
				c.log.log("ERROR", consoleConsumerClass, "Error processing message, skipping this message: ", err)
				line = line[:0]
			}
			if _, err := out.Write(line); err != nil {
				s.Errorln(outputBroken)
				return nil
			}
			if c.positions != nil {
				c.positions.consumed(r)
			}
		}
		if err := out.Flush(); err != nil {
			s.Errorln(outputBroken)
			return nil
		}
	}
	return nil
}

// receive waits for records, at most so many as are still wanted.
func (c *consoleConsumer) receive(ctx context.Context) ([]*kgo.Record, error) {
	limit := c.plan.settings.maxPollRecords
	if c.plan.maxMessages >= 0 {
		limit = int(min(int64(limit), c.plan.maxMessages-c.count))
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if c.plan.timeout < 1<<62 {
		limited, cancel = context.WithTimeout(ctx, c.plan.timeout)
	}
	defer cancel()
	for {
		fetches := c.client.PollRecords(limited, limit)
		if err := c.fetchError(ctx, limited, fetches); err != nil {
			return nil, err
		}
		if records := fetches.Records(); len(records) > 0 {
			return records, nil
		}
	}
}

// fetchError tells what ends the consumer from what only deserves a warning.
func (c *consoleConsumer) fetchError(ctx, limited context.Context, fetches kgo.Fetches) error {
	switch {
	case ctx.Err() != nil || fetches.IsClientClosed():
		return errInterrupted
	case len(fetches.Records()) == 0 && limited.Err() != nil:
		return errIdle
	}
	return fetchFailure(fetches, c.log, c.plan.properties["client.id"])
}

// fetchFailure gives the error that ends a consumer, and warns of those that pass.
func fetchFailure(fetches kgo.Fetches, log *logger, clientID string) error {
	var fatal error
	fetches.EachError(func(topic string, partition int32, err error) {
		if fatal != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return
		}
		if transient(err) {
			log.log("WARN", "org.apache.kafka.clients.NetworkClient", fmt.Sprintf(
				"[Consumer clientId=%s] Error while fetching topic %s partition %d: %s", clientID, topic, partition, tool.Message(err)), nil)
			return
		}
		fatal = err
	})
	return fatal
}

// transient errors pass when the topic or a leader appears, or when records that were lost are skipped.
func transient(err error) bool {
	var lost *kgo.ErrDataLoss
	return kerr.IsRetriable(err) || errors.As(err, &lost) || errors.Is(err, kerr.UnknownTopicOrPartition)
}

// close commits where offsets are committed and leaves the group.
func (c *consoleConsumer) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if c.positions != nil {
		c.positions.commit(ctx)
		_ = c.client.LeaveGroupContext(ctx) // the session timeout removes a member that could not say goodbye
	}
	c.client.Close()
}

// checkPattern refuses what is no regular expression here.
func checkPattern(pattern string) error {
	_, err := regexp.Compile(topicRegex(pattern))
	return err
}
