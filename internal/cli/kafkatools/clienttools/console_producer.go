package clienttools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/term"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

const lineReaderClass = "org.apache.kafka.tools.LineMessageReader"

// hostPort is what a bootstrap server must look like: a host or a bracketed address, and a port.
var hostPort = regexp.MustCompile(`^(?:[A-Za-z]+://)?(?:\[[0-9A-Za-z\-%._:]*\]|[0-9A-Za-z\-%._]*):[0-9]+$`)

// consoleProducerOptions are the options of kafka-console-producer.
type consoleProducerOptions struct {
	parser *tool.Parser
	opts   *tool.Options

	topic, bootstrap, sync, codec, batchSize, maxPartitionMemory *tool.Option
	retries, retryBackoff, linger, acks, requestTimeout          *tool.Option
	metadataExpiry, maxBlock, maxMemory, reader, socketBuffer    *tool.Option
	readerConfig                                                 *tool.Option
	readerProperty, commandProperty, commandConfig               pair
}

func newConsoleProducerOptions() *consoleProducerOptions {
	p := tool.NewParser("This tool helps to read data from standard input and publish it to Kafka.")
	o := &consoleProducerOptions{parser: p}
	o.topic = p.String("topic", "topic", "REQUIRED: the topic to produce to.")
	o.bootstrap = p.String("bootstrap-server", "server to connect to", "REQUIRED: brokers to connect to, as HOST1:PORT1,HOST2:PORT2.")
	o.sync = p.Flag("sync", "Send one record at a time and wait for each.")
	o.codec = p.String("compression-codec", "compression-codec", "none, gzip, snappy, lz4 or zstd; without a value, gzip.").OptionalArgument()
	o.batchSize = p.Int("batch-size", "size", "Bytes to collect for a partition before sending (batch.size).").Default("16384")
	o.maxPartitionMemory = p.Int("max-partition-memory-bytes", "memory in bytes per partition", "(Deprecated) The same as --batch-size.").Default("16384")
	o.retries = p.Int("message-send-max-retries", "", "How often a failed send is tried again (retries).").Default("3")
	o.retryBackoff = p.Long("retry-backoff-ms", "", "How long to wait before trying again (retry.backoff.ms).").Default("100")
	o.linger = p.Long("timeout", "timeout_ms", "How long records may wait for a fuller batch, in ms (linger.ms).").Default("1000")
	o.acks = p.String("request-required-acks", "request required acks", "Acknowledgements to wait for (acks).").Default("-1")
	o.requestTimeout = p.Int("request-timeout-ms", "request timeout ms", "How long to wait for a broker's answer (request.timeout.ms).").Default("1500")
	o.metadataExpiry = p.Long("metadata-expiry-ms", "metadata expiration interval", "How old metadata may become (metadata.max.age.ms).").Default("300000")
	o.maxBlock = p.Long("max-block-ms", "max block on send", "How long handing over a record may block (max.block.ms).").Default("60000")
	o.maxMemory = p.Long("max-memory-bytes", "total memory in bytes", "Memory for records that wait to be sent (buffer.memory).").Default("33554432")
	o.reader = p.String("line-reader", "reader_class", "The class that makes records of lines.").Default(lineReaderClass)
	o.socketBuffer = p.Int("socket-buffer-size", "size", "Size of the socket's send buffer (send.buffer.bytes).").Default("102400")
	const readerDoc = "Settings of the line reader, key=value: parse.key, key.separator (tab), parse.headers, headers.delimiter (tab), " +
		"headers.separator (,), headers.key.separator (:), ignore.error, null.marker."
	o.readerProperty = pair{
		current:    p.String("reader-property", "prop", readerDoc).Repeated(),
		deprecated: p.String("property", "prop", "(Deprecated) The same as --reader-property.").Repeated(),
		note:       "Warning: --property is deprecated and will be removed in a future version. Use --reader-property instead.",
	}
	o.readerConfig = p.String("reader-config", "config file", "A properties file with settings of the line reader; --reader-property wins over it.")
	o.commandProperty = pair{
		current:    p.String("command-property", "producer_prop", "A setting of the producer, key=value.").Repeated(),
		deprecated: p.String("producer-property", "producer_prop", "(Deprecated) The same as --command-property.").Repeated(),
		note:       "Warning: --producer-property is deprecated and will be removed in a future version. Use --command-property instead.",
	}
	o.commandConfig = pair{
		current:    p.String("command-config", "config file", "A properties file with settings of the producer; --command-property wins over it."),
		deprecated: p.String("producer.config", "config file", "(Deprecated) The same as --command-config."),
		note:       "Warning: --producer.config is deprecated and will be removed in a future version. Use --command-config instead.",
	}
	return o
}

// parse reads and checks the command line, and prints the warnings of deprecated options.
func (o *consoleProducerOptions) parse(s tool.IO, args []string) (err error) {
	if o.opts, err = o.parser.Parse(args); err != nil {
		return tool.UsageError("%s", err)
	}
	if err := o.opts.Check().HelpOrVersion().Required(o.topic).Err(); err != nil {
		return err
	}
	for _, p := range []pair{o.commandConfig, o.commandProperty, o.readerProperty} {
		if err := p.together(o.opts); err != nil {
			return err
		}
	}
	o.commandProperty.current = o.commandProperty.choose(s, o.opts)
	o.commandConfig.current = o.commandConfig.choose(s, o.opts)
	o.readerProperty.current = o.readerProperty.choose(s, o.opts)
	if o.opts.Has(o.maxPartitionMemory) {
		s.Println("Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache Kafka 5.0. Use --batch-size instead.")
	}
	if err := validateBootstrap(o.opts.String(o.bootstrap)); err != nil {
		return err
	}
	return o.opts.ValueError()
}

// readerProperties are the settings of the line reader.
func (o *consoleProducerOptions) readerProperties() (map[string]string, error) {
	properties, err := fileAndPairs(o.opts.String(o.readerConfig), nil)
	if err != nil {
		return nil, err
	}
	properties["topic"] = o.opts.String(o.topic)
	maps.Copy(properties, keyValues(o.opts.Strings(o.readerProperty.current)))
	return properties, nil
}

// producerProperties are the settings of the producer.
func (o *consoleProducerOptions) producerProperties() (map[string]string, error) {
	properties, err := fileAndPairs(o.opts.String(o.commandConfig.current), o.opts.Strings(o.commandProperty.current))
	if err != nil {
		return nil, err
	}
	properties["bootstrap.servers"] = o.opts.String(o.bootstrap)
	properties["compression.type"] = "none"
	if o.opts.Has(o.codec) {
		properties["compression.type"] = o.opts.String(o.codec)
		if properties["compression.type"] == "" {
			properties["compression.type"] = "gzip"
		}
	}
	setDefault(properties, "client.id", "console-producer")
	merges := []struct {
		name   string
		option *tool.Option
	}{
		{"linger.ms", o.linger},
		{"acks", o.acks},
		{"request.timeout.ms", o.requestTimeout},
		{"retries", o.retries},
		{"retry.backoff.ms", o.retryBackoff},
		{"send.buffer.bytes", o.socketBuffer},
		{"buffer.memory", o.maxMemory},
		{"batch.size", o.batchSize},
		{"batch.size", o.maxPartitionMemory},
		{"metadata.max.age.ms", o.metadataExpiry},
		{"max.block.ms", o.maxBlock},
	}
	for _, m := range merges {
		mergeOption(properties, m.name, o.opts, m.option)
	}
	return properties, nil
}

// runConsoleProducer is kafka-console-producer.
func runConsoleProducer(ctx context.Context, s tool.IO, args []string) int {
	o := newConsoleProducerOptions()
	if err := o.parse(s, args); err != nil {
		return tool.Finish(s, o.parser, err)
	}
	err := produceLines(ctx, s, o)
	if interrupted(err) {
		return exitInterrupted
	}
	if err != nil {
		s.Errorln(tool.Describe(err))
		return 1
	}
	return 0
}

func produceLines(ctx context.Context, s tool.IO, o *consoleProducerOptions) error {
	if class := o.opts.String(o.reader); class != lineReaderClass {
		return exceptionf(classNotFound, "%s", class)
	}
	readerProperties, err := o.readerProperties()
	if err != nil {
		return err
	}
	reader, err := newLineReader(readerProperties, s.Stdin)
	if err != nil {
		return err
	}
	properties, err := o.producerProperties()
	if err != nil {
		return err
	}
	settings, err := producerOptions(properties)
	if err != nil {
		return err
	}
	log := newLogger(s.Stderr)
	out, err := newSender(settings, 0, kgo.WithLogger(clientLogger{log, "Producer clientId=" + properties["client.id"]}))
	if err != nil {
		return err
	}
	defer out.close()
	return forwardLines(ctx, s, reader, lineSender(ctx, out, log, o.opts.Has(o.sync)))
}

// lineSender gives the function that sends one record: waiting for it with --sync, where a failure ends the tool, else
// logging failures.
func lineSender(ctx context.Context, out *sender, log *logger, sync bool) func(*kgo.Record) error {
	if !sync {
		logFailure := func(r *kgo.Record, err error) {
			if err != nil && !interrupted(err) {
				log.log("ERROR", "org.apache.kafka.clients.producer.internals.ErrorLoggingCallback", sendFailure(r), err)
			}
		}
		return func(r *kgo.Record) error {
			out.send(ctx, r, logFailure)
			return nil
		}
	}
	return func(r *kgo.Record) error {
		result := make(chan error, 1)
		out.send(ctx, r, func(_ *kgo.Record, err error) { result <- err })
		if out.client.Flush(ctx) != nil { // fails on interrupt only
			return errInterrupted
		}
		return <-result
	}
}

// sendFailure says which record failed, by sizes only, as the Java callback does.
func sendFailure(r *kgo.Record) string {
	size := func(b []byte) string {
		if b == nil {
			return "null"
		}
		return strconv.Itoa(len(b)) + " bytes"
	}
	return fmt.Sprintf("Error when sending message to topic %s with key: %s, value: %s with error:", r.Topic, size(r.Key), size(r.Value))
}

// forwardLines sends line by line until the input or the user ends it. A line that cannot be read as a record ends it with
// an error; what was sent before it still goes out.
func forwardLines(ctx context.Context, s tool.IO, reader *lineReader, send func(*kgo.Record) error) error {
	type line struct {
		record *kgo.Record
		err    error
	}
	lines := make(chan line, 1024)
	stop := make(chan struct{})
	defer close(stop)
	prompt := isTerminal(s.Stdin)
	go func() { // reading standard input cannot be interrupted, so it has a goroutine that may be left behind
		for {
			if prompt {
				s.Printf(">")
			}
			record, err := reader.next()
			select {
			case lines <- line{record, err}:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return errInterrupted
		case l := <-lines:
			if errors.Is(l.err, io.EOF) {
				return nil
			}
			if l.err != nil {
				return l.err
			}
			if err := send(l.record); err != nil {
				return err
			}
		}
	}
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
