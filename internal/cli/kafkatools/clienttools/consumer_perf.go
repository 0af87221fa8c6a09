package clienttools

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

const defaultDateFormat = "yyyy-MM-dd HH:mm:ss:SSS"

// consumerPerfOptions are the options of kafka-consumer-perf-test.
type consumerPerfOptions struct {
	parser *tool.Parser
	opts   *tool.Options

	bootstrap, topic, include, group, fetchSize       *tool.Option
	commandProperty, fromLatest, socketBuffer         *tool.Option
	consumerConfig, commandConfig, printMetrics       *tool.Option
	detailed, timeout, messages, numRecords, interval *tool.Option
	dateFormat, hideHeader                            *tool.Option
}

func newConsumerPerfOptions() *consumerPerfOptions {
	p := tool.NewParser("This tool is used to verify the consumer performance.")
	o := &consumerPerfOptions{parser: p}
	o.bootstrap = p.String("bootstrap-server", "server to connect to", "REQUIRED: brokers to connect to.")
	o.topic = p.String("topic", "topic", "The topic to consume.")
	o.include = p.String("include", "Java regex (String)", "A regular expression for the topics to consume.")
	o.group = p.String("group", "gid", "The consumer group.").Default("perf-consumer-" + strconv.Itoa(rand.IntN(100_000)))
	o.fetchSize = p.Int("fetch-size", "size", "Bytes to fetch from a partition at once.").Default("1048576")
	o.commandProperty = p.String("command-property", "prop1=val1", "A setting of the consumer, key=value; it wins over the file.").Repeated()
	o.fromLatest = p.Flag("from-latest", "Start at the end where the group has no offset yet.")
	o.socketBuffer = p.Int("socket-buffer-size", "size", "Size of the socket's receive buffer.").Default("2097152")
	o.consumerConfig = p.String("consumer.config", "config file", "(Deprecated) The same as --command-config.")
	o.commandConfig = p.String("command-config", "config file", "A properties file with settings of the consumer.")
	o.printMetrics = p.Flag("print-metrics", "Print the client's metrics at the end.")
	o.detailed = p.Flag("show-detailed-stats", "Print a line per reporting interval.")
	o.timeout = p.Long("timeout", "milliseconds", "The longest time without records.").OptionalArgument().Default("10000")
	o.messages = p.Long("messages", "count", "(Deprecated) The same as --num-records.")
	o.numRecords = p.Long("num-records", "count", "REQUIRED: how many records to consume.")
	o.interval = p.Long("reporting-interval", "interval_ms", "How often to print progress.").Default("5000")
	o.dateFormat = p.String("date-format", "date format", "The format of times, as of java.text.SimpleDateFormat.").Default(defaultDateFormat)
	o.hideHeader = p.Flag("hide-header", "Print no header.")
	return o
}

// consumerPerfPlan is what the command line asks for.
type consumerPerfPlan struct {
	properties        map[string]string
	topic, include    string
	numRecords        int64
	timeout, interval time.Duration
	detailed, header  bool
	printMetrics      bool
	dateFormat        string
}

func (o *consumerPerfOptions) plan(s tool.IO, args []string) (plan consumerPerfPlan, err error) {
	if o.opts, err = o.parser.Parse(args); err != nil {
		return plan, tool.UsageError("%s", err)
	}
	opts := o.opts
	check := opts.Check().HelpOrVersion().Required(o.bootstrap).OneOf(o.topic, o.include).OneOf(o.messages, o.numRecords).
		Invalid(o.consumerConfig, o.commandConfig)
	if err := check.Err(); err != nil {
		return plan, err
	}
	if err := opts.ValueError(); err != nil {
		return plan, err
	}
	number, file := o.numRecords, o.commandConfig
	if opts.Has(o.messages) {
		s.Println("Warning: --messages is deprecated. Use --num-records instead.")
		number = o.messages
	}
	if opts.Has(o.consumerConfig) {
		s.Println("Warning: --consumer.config is deprecated. Use --command-config instead.")
		file = o.consumerConfig
	}
	plan = consumerPerfPlan{
		topic: opts.String(o.topic), include: opts.String(o.include), numRecords: opts.Long(number),
		timeout:  time.Duration(opts.Long(o.timeout)) * time.Millisecond,
		interval: time.Duration(opts.Long(o.interval)) * time.Millisecond,
		detailed: opts.Has(o.detailed), header: !opts.Has(o.hideHeader),
		printMetrics: opts.Has(o.printMetrics), dateFormat: opts.String(o.dateFormat),
	}
	if plan.interval <= 0 {
		return plan, exceptionf(classIllegalArgument, "Reporting interval must be greater than 0.")
	}
	if _, err := formatDate(plan.dateFormat, time.Time{}); err != nil {
		return plan, err
	}
	plan.properties, err = fileAndPairs(opts.String(file), opts.Strings(o.commandProperty))
	if err != nil {
		return plan, err
	}
	o.override(plan.properties)
	return plan, nil
}

// override sets what the options decide, whatever the file says.
func (o *consumerPerfOptions) override(properties map[string]string) {
	properties["bootstrap.servers"] = o.opts.String(o.bootstrap)
	properties["group.id"] = o.opts.String(o.group)
	properties["receive.buffer.bytes"] = o.opts.String(o.socketBuffer)
	properties["max.partition.fetch.bytes"] = o.opts.String(o.fetchSize)
	properties["auto.offset.reset"] = "earliest"
	if o.opts.Has(o.fromLatest) {
		properties["auto.offset.reset"] = "latest"
	}
	properties["check.crcs"] = "false"
	setDefault(properties, "client.id", "perf-consumer-client")
}

// runConsumerPerf is kafka-consumer-perf-test.
func runConsumerPerf(ctx context.Context, s tool.IO, args []string) int {
	o := newConsumerPerfOptions()
	plan, err := o.plan(s, args)
	if err == nil {
		err = runConsumerPerfPlan(ctx, s, plan)
	}
	if interrupted(err) {
		return exitInterrupted
	}
	return tool.Finish(s, o.parser, err)
}

func runConsumerPerfPlan(ctx context.Context, s tool.IO, plan consumerPerfPlan) error {
	if plan.header {
		printPerfHeader(s.Stdout, plan.detailed)
	}
	metrics := newClientMetrics("consumer", plan.properties["client.id"])
	p := &perfConsumer{plan: plan, out: s.Stdout, log: newLogger(s.Stderr), joins: newJoinTimes(time.Now())}
	if err := p.connect(metrics); err != nil {
		return err
	}
	start := time.Now()
	err := p.consume(ctx)
	if err == nil {
		if !plan.detailed {
			p.printSummary(start, time.Now())
		}
		if plan.printMetrics {
			metrics.print(s.Stdout)
		}
	}
	p.close()
	return err
}

func printPerfHeader(w io.Writer, detailed bool) {
	first := "start.time, end.time"
	if detailed {
		first = "time, threadId"
	}
	fmt.Fprintf(w, "%s, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, "+
		"rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n", first)
}

// perfConsumer counts what it consumes.
type perfConsumer struct {
	plan          consumerPerfPlan
	out           io.Writer
	log           *logger
	client        *kgo.Client
	positions     *positions
	joins         *joinTimes
	pollMax       int
	consumerGroup bool

	records, bytes         int64
	lastRecords, lastBytes int64
	lastReport             time.Time
}

func (p *perfConsumer) connect(metrics *clientMetrics) error {
	settings, err := consumerOptions(p.plan.properties)
	if err != nil {
		return err
	}
	group, err := groupOptions(p.plan.properties, settings)
	if err != nil {
		return err
	}
	topics, err := subscribe(p.plan.topic, p.plan.include, p.plan.properties)
	if err != nil {
		return err
	}
	p.pollMax, p.consumerGroup = settings.maxPollRecords, settings.consumerGroup
	p.positions = newPositions(settings.autoCommit)
	opts := append(append(settings.options, group...), topics...)
	opts = append(opts, p.positions.options(p.joins.assigned, p.joins.revoked)...)
	opts = append(opts, kgo.WithLogger(clientLogger{p.log, "Consumer clientId=" + p.plan.properties["client.id"]}))
	if p.plan.printMetrics {
		opts = append(opts, kgo.WithHooks(metrics))
	}
	if p.client, err = kgo.NewClient(opts...); err == nil {
		p.positions.use(p.client)
	}
	return err
}

// consume reads until the wanted number, or until no record came for too long.
func (p *perfConsumer) consume(ctx context.Context) error {
	if err := checkGroupProtocol(ctx, p.client, p.consumerGroup); err != nil {
		return err
	}
	now := time.Now()
	p.lastReport = now
	lastRecord := now
	for p.records < p.plan.numRecords && now.Sub(lastRecord) <= p.plan.timeout {
		poll, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		fetches := p.client.PollRecords(poll, p.pollMax)
		cancel()
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return errInterrupted
		}
		if err := fetchFailure(fetches, p.log, p.plan.properties["client.id"]); err != nil {
			return err
		}
		now = time.Now()
		if !fetches.Empty() {
			lastRecord = now
		}
		fetches.EachPartition(func(partition kgo.FetchTopicPartition) { p.count(partition.Records, now) })
	}
	if p.records < p.plan.numRecords {
		fmt.Fprintf(p.out, "WARNING: Exiting before consuming the expected number of records: timeout (%d ms) exceeded. "+
			"You can use the --timeout option to increase the timeout.\n", p.plan.timeout.Milliseconds())
	}
	return nil
}

func (p *perfConsumer) count(records []*kgo.Record, now time.Time) {
	if len(records) == 0 {
		return
	}
	for _, r := range records {
		p.records++
		p.bytes += int64(len(r.Key) + len(r.Value))
		if now.Sub(p.lastReport) >= p.plan.interval {
			p.report(now)
		}
	}
	last := records[len(records)-1]
	p.positions.consumed(last)
}

// report prints a line of the interval that ends now, if asked for, and starts the next.
func (p *perfConsumer) report(now time.Time) {
	join := p.joins.takeRound()
	if p.plan.detailed {
		elapsed := float64(now.UnixMilli() - p.lastReport.UnixMilli())
		mb := float64(p.bytes-p.lastBytes) / (1 << 20)
		records := float64(p.records - p.lastRecords)
		fetchMs := float64(now.UnixMilli() - p.lastReport.UnixMilli() - join)
		fetchMB, fetchRecords := 0.0, 0.0
		if fetchMs > 0 {
			fetchMB, fetchRecords = 1000*mb/fetchMs, 1000*records/fetchMs
		}
		fmt.Fprintf(p.out, "%s, 0, %s, %s, %d, %s, %d, %d, %s, %s\n", p.date(now), fixed(float64(p.bytes)/(1<<20)),
			fixed(1000*mb/elapsed), p.records, fixed(records/elapsed*1000), join, int64(fetchMs), fixed(fetchMB), fixed(fetchRecords))
	}
	p.lastReport, p.lastRecords, p.lastBytes = now, p.records, p.bytes
}

func (p *perfConsumer) printSummary(start, end time.Time) {
	elapsedMs := end.UnixMilli() - start.UnixMilli()
	join := p.joins.sum()
	fetchMs := elapsedMs - join
	mb, records := float64(p.bytes)/(1<<20), float64(p.records)
	seconds, fetchSeconds := float64(elapsedMs)/1000, float64(fetchMs)/1000
	fmt.Fprintf(p.out, "%s, %s, %s, %s, %d, %s, %d, %d, %s, %s\n", p.date(start), p.date(end), fixed(mb), fixed(mb/seconds),
		p.records, fixed(records/seconds), join, fetchMs, fixed(mb/fetchSeconds), fixed(records/fetchSeconds))
}

func (p *perfConsumer) date(t time.Time) string {
	text, _ := formatDate(p.plan.dateFormat, t) // the pattern was checked before
	return text
}

func (p *perfConsumer) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	p.positions.commit(ctx)
	_ = p.client.LeaveGroupContext(ctx) // the session timeout removes a member that could not say goodbye
	p.client.Close()
}

// fixed prints four digits after the point, and what is no number as Java does.
func fixed(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

// joinTimes adds up how long the member was without partitions.
type joinTimes struct {
	mu           sync.Mutex
	started      time.Time
	partitions   int
	total, round int64 // milliseconds
}

func newJoinTimes(now time.Time) *joinTimes { return &joinTimes{started: now} }

func (j *joinTimes) assigned(partitions map[string][]int32) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.partitions == 0 {
		elapsed := time.Since(j.started).Milliseconds()
		j.total += elapsed
		j.round += elapsed
	}
	j.partitions += countPartitions(partitions)
}

func (j *joinTimes) revoked(partitions map[string][]int32) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.partitions = max(j.partitions-countPartitions(partitions), 0)
	if j.partitions == 0 {
		j.started = time.Now()
	}
}

func countPartitions(partitions map[string][]int32) int {
	n := 0
	for _, p := range partitions {
		n += len(p)
	}
	return n
}

func (j *joinTimes) takeRound() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.round
	j.round = 0
	return n
}

func (j *joinTimes) sum() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.total
}
