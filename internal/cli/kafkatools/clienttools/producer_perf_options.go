package clienttools

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// producerPerfOptions are the options of kafka-producer-perf-test.
type producerPerfOptions struct {
	parser *tool.Parser
	opts   *tool.Options

	bootstrap, topic, numRecords, recordSize, payloadFile *tool.Option
	payloadMonotonic, payloadDelimiter, throughput        *tool.Option
	producerProps, commandProperty                        *tool.Option
	producerConfig, commandConfig, printMetrics           *tool.Option
	transactionalID, transactionDuration                  *tool.Option
	warmupRecords, reportingInterval                      *tool.Option
}

func newProducerPerfOptions() *producerPerfOptions {
	p := tool.NewArgParser("kafka-producer-perf-test", "Measures how fast records can be produced. Transactions are used when a transactional id "+
		"or a transaction duration is given.", 0)
	o := &producerPerfOptions{parser: p}
	const onePayload = " Exactly one of --record-size, --payload-file and --payload-monotonic must be given."
	o.bootstrap = p.String("bootstrap-server", "BOOTSTRAP-SERVER", "Brokers to connect to; wins over bootstrap.servers of the other options.")
	o.topic = p.String("topic", "TOPIC", "The topic to produce to.").Required()
	o.numRecords = p.Long("num-records", "NUM-RECORDS", "How many records to produce.").Required()
	o.recordSize = p.Int("record-size", "RECORD-SIZE", "Bytes per record."+onePayload)
	o.payloadFile = p.String("payload-file", "PAYLOAD-FILE", "A UTF-8 text file with payloads, of which one is drawn for each record."+onePayload)
	o.payloadMonotonic = p.Flag("payload-monotonic", "The payload is the record's number."+onePayload)
	o.payloadDelimiter = p.String("payload-delimiter", "PAYLOAD-DELIMITER", "What separates payloads in the file.").Default(`\n`)
	o.throughput = p.Double("throughput", "THROUGHPUT", "Records per second, approximately; -1 for no limit.").Required()
	o.producerProps = p.String("producer-props", "PROP-NAME=PROP-VALUE", "(Deprecated) The same as --command-property.").Many()
	o.commandProperty = p.String("command-property", "PROP-NAME=PROP-VALUE", "Settings of the producer; they win over the file.").Many()
	o.producerConfig = p.String("producer.config", "CONFIG-FILE", "(Deprecated) The same as --command-config.")
	o.commandConfig = p.String("command-config", "CONFIG-FILE", "A properties file with settings of the producer.")
	o.printMetrics = p.Flag("print-metrics", "Print the client's metrics at the end.")
	o.transactionalID = p.String("transactional-id", "TRANSACTIONAL-ID", "The transactional id; the default is a random one when a duration is given.")
	o.transactionDuration = p.Long("transaction-duration-ms", "TRANSACTION-DURATION", "How long a transaction lasts; 3000 when only an id is given.")
	o.warmupRecords = p.Long("warmup-records", "WARMUP-RECORDS", "Records at the start that the steady-state summary leaves out.").Default("0")
	o.reportingInterval = p.Long("reporting-interval", "INTERVAL-MS", "How often to print progress.").Default("5000")
	p.Exclusive(true, o.recordSize, o.payloadFile, o.payloadMonotonic)
	return o
}

// producerPerfPlan is what the command line asks for.
type producerPerfPlan struct {
	properties          map[string]string
	settings            producerSettings
	topic               string
	numRecords, warmup  int64
	payloads            payloadSource
	throughput          float64
	interval            time.Duration
	transactionDuration time.Duration
	printMetrics        bool
}

// plan reads and checks the command line.
func (o *producerPerfOptions) plan(s tool.IO, args []string) (plan producerPerfPlan, err error) {
	if o.opts, err = o.parser.Parse(args); err != nil {
		return plan, err
	}
	if err := o.check(); err != nil {
		return plan, err
	}
	plan = producerPerfPlan{
		topic:        o.opts.String(o.topic),
		numRecords:   o.opts.Long(o.numRecords),
		warmup:       max(o.opts.Long(o.warmupRecords), 0),
		throughput:   o.opts.Double(o.throughput),
		interval:     time.Duration(o.opts.Long(o.reportingInterval)) * time.Millisecond,
		printMetrics: o.opts.Has(o.printMetrics),
	}
	if plan.payloads, err = o.payloadSource(s); err != nil {
		return plan, err
	}
	if plan.properties, err = o.properties(s); err != nil {
		return plan, err
	}
	plan.transactionDuration = o.transaction(plan.properties)
	plan.settings, err = producerOptions(plan.properties)
	return plan, err
}

func (o *producerPerfOptions) check() error {
	opts, fail := o.opts, o.parser.ArgError
	switch n := opts.Long(o.numRecords); {
	case n <= 0:
		return fail("--num-records should be greater than zero.")
	case max(opts.Long(o.warmupRecords), 0) >= n:
		return fail("The value for --warmup-records must be strictly fewer than the number of records in the test, --num-records.")
	case opts.Has(o.recordSize) && opts.Int(o.recordSize) <= 0:
		return fail("--record-size should be greater than zero.")
	case !opts.HasAny(o.bootstrap, o.commandProperty, o.producerProps, o.producerConfig, o.commandConfig):
		return fail("At least one of --bootstrap-server, --command-property, --producer-props, --producer.config or --command-config must be specified.")
	case opts.Has(o.commandProperty) && opts.Has(o.producerProps):
		return fail("--command-property and --producer-props cannot be specified together.")
	case opts.Has(o.commandConfig) && opts.Has(o.producerConfig):
		return fail("--command-config and --producer.config cannot be specified together.")
	case opts.Has(o.transactionDuration) && opts.Long(o.transactionDuration) <= 0:
		return fail("--transaction-duration-ms should be greater than zero.")
	case opts.Long(o.reportingInterval) <= 0:
		return fail("--reporting-interval should be greater than zero.")
	}
	return nil
}

// properties merges file and arguments.
func (o *producerPerfOptions) properties(s tool.IO) (map[string]string, error) {
	pairs, file := o.commandProperty, o.commandConfig
	if o.opts.Has(o.producerProps) {
		s.Println("Option --producer-props has been deprecated and will be removed in a future version. Use --command-property instead.")
		pairs = o.producerProps
	}
	if o.opts.Has(o.producerConfig) {
		s.Println("Option --producer.config has been deprecated and will be removed in a future version. Use --command-config instead.")
		file = o.producerConfig
	}
	properties, err := fileAndPairs(o.opts.String(file), nil)
	if err != nil {
		return nil, err
	}
	for _, arg := range o.opts.Strings(pairs) {
		if strings.Count(arg, "=") != 1 || strings.HasSuffix(arg, "=") {
			return nil, exceptionf(classIllegalArgument, "Invalid property: %s", arg)
		}
		maps.Copy(properties, keyValues([]string{arg}))
	}
	setDefault(properties, "client.id", "perf-producer-client")
	if o.opts.Has(o.bootstrap) {
		properties["bootstrap.servers"] = o.opts.String(o.bootstrap)
	}
	return properties, nil
}

// transaction sets the transactional id where transactions are asked for, and gives their duration.
func (o *producerPerfOptions) transaction(properties map[string]string) time.Duration {
	_, named := properties["transactional.id"]
	if !named && !o.opts.HasAny(o.transactionalID, o.transactionDuration) {
		return 0
	}
	if o.opts.Has(o.transactionalID) {
		properties["transactional.id"] = o.opts.String(o.transactionalID)
	} else {
		setDefault(properties, "transactional.id", "performance-producer-"+uuid.NewString())
	}
	if o.opts.Has(o.transactionDuration) {
		return time.Duration(o.opts.Long(o.transactionDuration)) * time.Millisecond
	}
	return 3 * time.Second
}

func (o *producerPerfOptions) payloadSource(s tool.IO) (payloadSource, error) {
	switch {
	case o.opts.Has(o.recordSize):
		return payloadSource{size: int(o.opts.Int(o.recordSize))}, nil
	case o.opts.Has(o.payloadMonotonic):
		return payloadSource{}, nil
	}
	path, err := filepath.Abs(o.opts.String(o.payloadFile))
	if err != nil {
		return payloadSource{}, err
	}
	s.Println("Reading payloads from: " + path)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(text) == 0) {
		return payloadSource{}, exceptionf(classIllegalArgument, "File does not exist or empty file provided.")
	}
	if err != nil {
		return payloadSource{}, err
	}
	delimiter := o.opts.String(o.payloadDelimiter)
	if delimiter == `\n` {
		delimiter = "\n"
	}
	list, err := splitPayloads(text, delimiter)
	if err == nil && len(list) == 0 {
		err = exceptionf(classIllegalArgument, "No payload file, record size or payload-monotonic option provided.")
	}
	s.Printf("Number of records read: %d\n", len(list))
	return payloadSource{list: list}, err
}

// splitPayloads splits by a regular expression, as Java's Scanner does: a delimiter at the start or end makes no payload.
func splitPayloads(text []byte, delimiter string) ([][]byte, error) {
	split, err := regexp.Compile(delimiter)
	if err != nil {
		return nil, fmt.Errorf("--payload-delimiter: %w", err)
	}
	var list [][]byte
	rest := text
	if at := split.FindIndex(rest); at != nil && at[0] == 0 {
		rest = rest[at[1]:]
	}
	for len(rest) > 0 {
		at := split.FindIndex(rest)
		if at == nil || at[1] == 0 {
			return append(list, bytes.Clone(rest)), nil
		}
		list = append(list, bytes.Clone(rest[:at[0]]))
		rest = rest[at[1]:]
	}
	return list, nil
}
