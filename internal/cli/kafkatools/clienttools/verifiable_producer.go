package clienttools

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/kafkatools/clienttools/recordjson"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// verifiableProducerOptions are the options of kafka-verifiable-producer.
type verifiableProducerOptions struct {
	parser *tool.Parser
	opts   *tool.Options

	topic, bootstrap, maxMessages, throughput, acks *tool.Option
	producerConfig, createTime, valuePrefix         *tool.Option
	repeatingKeys, commandConfig                    *tool.Option
}

func newVerifiableProducerOptions() *verifiableProducerOptions {
	p := tool.NewArgParser("verifiable-producer", "Produces increasing integers to a topic and prints a JSON line for every record that was "+
		"acknowledged or has failed.", 0)
	o := &verifiableProducerOptions{parser: p}
	o.topic = p.String("topic", "TOPIC", "The topic to produce to.").Required()
	o.bootstrap = p.String("bootstrap-server", "HOST1:PORT1[,HOST2:PORT2[...]]", "REQUIRED: brokers to connect to.")
	o.maxMessages = p.Int("max-messages", "MAX-MESSAGES", "How many records to produce; -1 produces until the process is ended.").Default("-1")
	o.throughput = p.Int("throughput", "THROUGHPUT", "Records per second, approximately; -1 for no limit.").Default("-1")
	o.acks = p.Int("acks", "ACKS", "Acknowledgements to wait for.").Default("-1").Choices("0", "1", "-1")
	o.producerConfig = p.String("producer.config", "CONFIG-FILE", "(Deprecated) The same as --command-config.")
	o.createTime = p.Long("message-create-time", "CREATE-TIME", "The time of the first record, in milliseconds since 1970.").Default("-1")
	o.valuePrefix = p.Int("value-prefix", "VALUE-PREFIX", "A number that stands before every value, with a dot.")
	o.repeatingKeys = p.Int("repeating-keys", "REPEATING-KEYS", "Give records keys that count from 0 up to this number, again and again.")
	o.commandConfig = p.String("command-config", "CONFIG-FILE", "A properties file with settings of the producer; it wins over options.")
	p.Exclusive(true, o.bootstrap)
	return o
}

// properties merges options and file; here the file wins.
func (o *verifiableProducerOptions) properties(s tool.IO) (map[string]string, error) {
	properties := map[string]string{
		"bootstrap.servers": o.opts.String(o.bootstrap),
		"acks":              o.opts.String(o.acks),
		"retries":           "0",
	}
	file, err := verifiableConfig(s, o.parser, o.opts, o.producerConfig, o.commandConfig)
	if err != nil {
		return nil, err
	}
	maps.Copy(properties, file)
	setDefault(properties, "client.id", "producer-1")
	return properties, nil
}

// verifiableConfig reads the settings file of a verifiable client.
func verifiableConfig(s tool.IO, p *tool.Parser, opts *tool.Options, deprecated, current *tool.Option) (map[string]string, error) {
	if opts.Has(deprecated) && opts.Has(current) {
		return nil, p.ArgError("Options --%s and --%s are mutually exclusive.", deprecated.Name(), current.Name())
	}
	path := opts.String(current)
	if opts.Has(deprecated) {
		s.Printf("Option --%s has been deprecated and will be removed in a future version. Use --command-config instead.\n", deprecated.Name())
		path = opts.String(deprecated)
	}
	file, err := fileAndPairs(path, nil)
	if err != nil {
		return nil, p.ArgError("%s", err)
	}
	return file, nil
}

// verifiableProducer sends numbers and tells of each.
type verifiableProducer struct {
	events
	out            *sender
	topic          string
	prefix         string
	repeatingKeys  int64
	createTime     int64 // -1 leaves times to the client
	start          time.Time
	sent           int64
	acknowledgedNo atomic.Int64
}

// runVerifiableProducer is kafka-verifiable-producer.
func runVerifiableProducer(ctx context.Context, s tool.IO, args []string) int {
	o := newVerifiableProducerOptions()
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
	settings, err := producerOptions(properties)
	if err != nil {
		return tool.Finish(s, o.parser, err)
	}
	extra := []kgo.Opt{kgo.WithLogger(clientLogger{newLogger(s.Stderr), "Producer clientId=" + properties["client.id"]})}
	if o.opts.Long(o.createTime) >= 0 {
		// The Go client counts the delivery timeout from a record's own time; without retries the request timeout bounds it.
		extra = append(extra, kgo.RecordDeliveryTimeout(0))
	}
	out, err := newSender(settings, 0, extra...)
	if err != nil {
		return tool.Finish(s, o.parser, err)
	}
	p := &verifiableProducer{
		events: events{out: s.Stdout}, out: out, topic: o.opts.String(o.topic),
		createTime: o.opts.Long(o.createTime), start: time.Now(),
	}
	if o.opts.Has(o.valuePrefix) {
		p.prefix = o.opts.String(o.valuePrefix) + "."
	}
	if o.opts.Has(o.repeatingKeys) {
		p.repeatingKeys = max(int64(o.opts.Int(o.repeatingKeys)), 1)
	}
	p.run(ctx, int64(o.opts.Int(o.maxMessages)), o.opts.Double(o.throughput))
	if ctx.Err() != nil {
		return exitInterrupted
	}
	return 0
}

// run sends the records, and prints the summary once all of them are settled.
func (p *verifiableProducer) run(ctx context.Context, maxMessages int64, throughput float64) {
	p.print("startup_complete", nil)
	limit := newThrottle(throughput, p.start)
	for i := int64(0); (maxMessages < 0 || i < maxMessages) && ctx.Err() == nil; i++ {
		now := time.Now()
		p.send(ctx, i)
		if !limit.wait(ctx, i, now) {
			break
		}
	}
	p.out.close()
	p.print("shutdown_complete", nil)
	elapsedMs := float64(time.Since(p.start).Milliseconds())
	acked := p.acknowledgedNo.Load()
	p.print("tool_data", func(line []byte) []byte {
		line = appendNumber(line, "sent", p.sent)
		line = appendNumber(line, "acked", acked)
		line = appendNumber(line, "target_throughput", int64(throughput))
		return recordjson.AppendJSONDouble(appendName(line, "avg_throughput"), 1000*(float64(acked)/elapsedMs))
	})
}

func (p *verifiableProducer) send(ctx context.Context, number int64) {
	r := &kgo.Record{Topic: p.topic, Value: strconv.AppendInt([]byte(p.prefix), number, 10)}
	if p.repeatingKeys > 0 {
		r.Key = strconv.AppendInt(nil, number%p.repeatingKeys, 10)
	}
	if p.createTime >= 0 {
		r.Timestamp = time.UnixMilli(p.createTime)
		p.createTime += time.Since(p.start).Milliseconds()
	}
	p.sent++
	p.out.send(ctx, r, p.settled)
}

// settled prints what became of a record.
func (p *verifiableProducer) settled(r *kgo.Record, err error) {
	if err == nil {
		p.acknowledgedNo.Add(1)
		p.print("producer_send_success", func(line []byte) []byte {
			line = appendNullable(line, "key", r.Key)
			line = appendNullable(line, "value", r.Value)
			line = appendNumber(line, "offset", r.Offset)
			line = appendField(line, "topic", r.Topic)
			return appendNumber(line, "partition", r.Partition)
		})
		return
	}
	class, message := classAndMessage(err)
	p.print("producer_send_error", func(line []byte) []byte {
		line = appendField(line, "topic", r.Topic)
		line = appendNullable(line, "key", r.Key)
		line = appendNullable(line, "value", r.Value)
		line = appendField(line, "exception", "class "+class)
		return appendField(line, "message", message)
	})
}

// classAndMessage splits an error into the Java exception's class and its message.
func classAndMessage(err error) (class, message string) {
	var e *exception
	if errors.As(err, &e) {
		return e.class, e.message
	}
	class, message, found := strings.Cut(tool.Describe(err), ": ")
	if found && strings.HasPrefix(class, "org.apache.kafka.") {
		return class, message
	}
	return classKafka, err.Error()
}
