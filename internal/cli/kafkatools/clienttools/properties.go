package clienttools

import (
	"context"
	"math"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The Go client refuses values outside of these bounds that the Java clients take; they are drawn to the nearest one.
const (
	minBatchBytes     = 512
	maxBatchBytes     = 1 << 30
	maxLinger         = time.Minute
	minRequestTimeout = 100 * time.Millisecond
	maxRequestTimeout = 15 * time.Minute
	minConnIdle       = 100 * time.Millisecond
	maxConnIdle       = 15 * time.Minute
	maxMetadataAge    = time.Hour
	minSession        = 100 * time.Millisecond
	minFetchWait      = 10 * time.Millisecond
	maxWireTimeout    = math.MaxInt32 * time.Millisecond
	maxInflight       = 5 // with idempotence
)

// producerSettings is what the tools need to know of a producer beside the options of its client.
type producerSettings struct {
	options         []kgo.Opt
	batchBytes      int // a record larger than this travels alone
	maxRequestBytes int
	maxBlock        time.Duration
	transactional   bool
	unacknowledged  bool // acks=0
}

// consumerSettings is what the tools need to know of a consumer beside the options of its client.
type consumerSettings struct {
	options        []kgo.Opt
	groupID        string
	maxPollRecords int
	reset          kgo.Offset
	autoCommit     bool
	consumerGroup  bool // the KIP-848 protocol
}

// commonOptions maps the properties that producers and consumers share.
func commonOptions(s *settings) []kgo.Opt {
	requestTimeout := clamp(s.millis("request.timeout.ms", 30_000, 0), minRequestTimeout, maxRequestTimeout)
	opts := []kgo.Opt{
		kgo.SeedBrokers(s.list("bootstrap.servers", "")...),
		kgo.ClientID(s.text("client.id", "")),
		kgo.SoftwareNameAndVersion("ottla", "tools"),
		kgo.DisableClientMetrics(),
		kgo.RequestTimeoutOverhead(requestTimeout),
		kgo.MetadataMaxAge(clamp(s.millis("metadata.max.age.ms", 300_000, 0), time.Second, maxMetadataAge)),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.ConnIdleTimeout(clamp(s.millis("connections.max.idle.ms", 540_000, math.MinInt64), minConnIdle, maxConnIdle)),
		kgo.RetryBackoffFn(backoff(s.millis("retry.backoff.ms", 100, 0), s.millis("retry.backoff.max.ms", 1000, 0))),
		kgo.Dialer(dialer(
			s.millis("socket.connection.setup.timeout.ms", 10_000, 0),
			int(s.int32("send.buffer.bytes", 131072, -1)),
			int(s.int32("receive.buffer.bytes", 65536, -1)),
		)),
	}
	if protocol := strings.ToUpper(s.text("security.protocol", "PLAINTEXT")); protocol != "PLAINTEXT" {
		s.fail("security.protocol", "only PLAINTEXT is supported by this version of the tools")
	}
	if len(s.list("bootstrap.servers", "")) == 0 {
		s.failf("No resolvable bootstrap urls given in bootstrap.servers")
	}
	return opts
}

// producerOptions maps a Java producer's properties.
func producerOptions(properties map[string]string) (producerSettings, error) {
	s := &settings{properties: properties}
	out := producerSettings{
		options:         commonOptions(s),
		batchBytes:      int(s.int32("batch.size", 16384, 0)),
		maxRequestBytes: int(s.int32("max.request.size", 1048576, 0)),
		maxBlock:        s.millis("max.block.ms", 60_000, 0),
		transactional:   s.has("transactional.id"),
		unacknowledged:  s.text("acks", "all") == "0",
	}
	requestTimeout := s.millis("request.timeout.ms", 30_000, 0)
	linger := s.millis("linger.ms", 5, 0)
	delivery := s.millis("delivery.timeout.ms", 120_000, 0)
	if delivery < linger+requestTimeout {
		if s.has("delivery.timeout.ms") {
			s.failf("delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms")
		}
		delivery = linger + requestTimeout
	}
	out.options = append(out.options,
		kgo.ProduceRequestTimeout(clamp(requestTimeout, minRequestTimeout, maxWireTimeout)),
		kgo.ProducerLinger(min(linger, maxLinger)),
		kgo.RecordDeliveryTimeout(max(delivery, time.Second)),
		kgo.ProducerBatchMaxBytes(int32(clamp(out.batchBytes, minBatchBytes, maxBatchBytes))),
		kgo.MaxBufferedBytes(int(s.int64("buffer.memory", 32<<20, 0))),
		kgo.MaxBufferedRecords(math.MaxInt32), // bytes are the bound
		kgo.ProducerBatchCompression(compression(s)),
		kgo.AllowAutoTopicCreation(),
		kgo.RecordPartitioner(partitioner(s)),
	)
	if retries := s.int32("retries", math.MaxInt32, 0); retries < math.MaxInt32 {
		out.options = append(out.options, kgo.RecordRetries(int(retries)))
	}
	if out.transactional {
		out.options = append(out.options,
			kgo.TransactionalID(s.text("transactional.id", "")),
			kgo.TransactionTimeout(clamp(s.millis("transaction.timeout.ms", 60_000, 1), 0, maxWireTimeout)))
	}
	out.options = append(out.options, reliabilityOptions(s)...)
	return out, s.err
}

// reliabilityOptions maps the four settings that depend on each other: acks, retries, idempotence and requests in flight. Kafka turns
// idempotence off silently when one of the others rules it out, and refuses when the user asked for it by name.
func reliabilityOptions(s *settings) []kgo.Opt {
	acks := s.choice("acks", "all", false, "all", "-1", "0", "1")
	inflight := s.int32("max.in.flight.requests.per.connection", maxInflight, 1)
	wanted := s.has("enable.idempotence") || s.has("transactional.id")
	idempotent := s.boolean("enable.idempotence", true)
	if s.has("transactional.id") && !idempotent {
		s.failf("Cannot set a transactional.id without also enabling idempotence.")
	}
	obstacle := ""
	switch {
	case acks != "all" && acks != "-1":
		obstacle = "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence."
	case s.int32("retries", math.MaxInt32, 0) == 0:
		obstacle = "Must set retries to non-zero when using the idempotent producer."
	case inflight > maxInflight:
		obstacle = "Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer."
	}
	if obstacle != "" && idempotent {
		if wanted {
			s.failf("%s", obstacle)
		}
		idempotent = false
	}
	required := kgo.AllISRAcks()
	switch acks {
	case "0":
		required = kgo.NoAck()
	case "1":
		required = kgo.LeaderAck()
	}
	opts := []kgo.Opt{kgo.RequiredAcks(required)}
	if !idempotent {
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(int(inflight)))
	}
	return opts
}

func compression(s *settings) kgo.CompressionCodec {
	gzip := int(s.int32("compression.gzip.level", -1, -1))
	lz4 := int(s.int32("compression.lz4.level", 9, 1))
	zstd := int(s.int32("compression.zstd.level", 3, -131072))
	switch s.choice("compression.type", "none", false, "none", "gzip", "snappy", "lz4", "zstd") {
	case "gzip":
		return kgo.GzipCompression().WithLevel(gzip)
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression().WithLevel(lz4)
	case "zstd":
		return kgo.ZstdCompression().WithLevel(zstd)
	}
	return kgo.NoCompression()
}

// partitioner gives Kafka's default (keys by murmur2, keyless records in sticky runs) or the round-robin class.
func partitioner(s *settings) kgo.Partitioner {
	class := s.text("partitioner.class", "")
	switch {
	case class == "":
	case strings.HasSuffix(class, "RoundRobinPartitioner"):
		return kgo.RoundRobinPartitioner()
	default:
		s.fail("partitioner.class", "Class "+class+" could not be found.")
	}
	sticky := int(max(s.int32("batch.size", 16384, 0), 1))
	keys := !s.boolean("partitioner.ignore.keys", false)
	return kgo.UniformBytesPartitioner(sticky, s.boolean("partitioner.adaptive.partitioning.enable", true), keys, nil)
}

// consumerOptions maps a Java consumer's properties; what is consumed is the caller's to add.
func consumerOptions(properties map[string]string) (consumerSettings, error) {
	s := &settings{properties: properties}
	out := consumerSettings{
		options:        commonOptions(s),
		groupID:        s.text("group.id", ""),
		reset:          resetOffset(s),
		maxPollRecords: int(s.int32("max.poll.records", 500, 1)),
		autoCommit:     s.boolean("enable.auto.commit", true),
		consumerGroup:  s.choice("group.protocol", "classic", true, "classic", "consumer") == "consumer",
	}
	fetchMaxBytes := int32(s.int32("fetch.max.bytes", 50<<20, 0))
	isolation := kgo.ReadUncommitted()
	if s.choice("isolation.level", "read_uncommitted", true, "read_committed", "read_uncommitted") == "read_committed" {
		isolation = kgo.ReadCommitted()
	}
	out.options = append(out.options,
		kgo.FetchMinBytes(int32(s.int32("fetch.min.bytes", 1, 0))),
		kgo.FetchMaxBytes(max(fetchMaxBytes, 1)),
		kgo.BrokerMaxReadBytes(max(100<<20, 2*min(fetchMaxBytes, 1<<29))),
		kgo.FetchMaxPartitionBytes(max(int32(s.int32("max.partition.fetch.bytes", 1<<20, 0)), 1)),
		kgo.FetchMaxWait(max(s.millis("fetch.max.wait.ms", 500, 0), minFetchWait)),
		kgo.FetchIsolationLevel(isolation),
		kgo.ConsumeStartOffset(out.reset),
		kgo.ConsumeResetOffset(out.reset),
		kgo.Rack(s.text("client.rack", "")),
	)
	if !s.boolean("check.crcs", true) {
		out.options = append(out.options, kgo.DisableFetchCRCValidation())
	}
	if s.boolean("allow.auto.create.topics", true) {
		out.options = append(out.options, kgo.AllowAutoTopicCreation())
	}
	return out, s.err
}

// groupOptions maps what only members of a group have.
func groupOptions(properties map[string]string, consumer consumerSettings) ([]kgo.Opt, error) {
	s := &settings{properties: properties}
	session := clamp(s.millis("session.timeout.ms", 45_000, 0), minSession, maxWireTimeout)
	opts := []kgo.Opt{
		kgo.ConsumerGroup(consumer.groupID),
		kgo.SessionTimeout(session),
		kgo.RebalanceTimeout(clamp(s.millis("max.poll.interval.ms", 300_000, 1), minSession, maxWireTimeout)),
		kgo.HeartbeatInterval(min(s.millis("heartbeat.interval.ms", 3000, 0), session)),
		kgo.Balancers(balancers(s)...),
	}
	if instance := s.text("group.instance.id", ""); instance != "" {
		opts = append(opts, kgo.InstanceID(instance))
	}
	if consumer.autoCommit {
		opts = append(opts, kgo.AutoCommitMarks(),
			kgo.AutoCommitInterval(max(s.millis("auto.commit.interval.ms", 5000, 0), 100*time.Millisecond)))
	} else {
		opts = append(opts, kgo.DisableAutoCommit())
	}
	if consumer.consumerGroup {
		opts = append(opts, kgo.ServerSideBalancer())
	}
	return opts, s.err
}

// balancers maps assignor classes; Kafka's default offers range and, after it, cooperative sticky.
func balancers(s *settings) []kgo.GroupBalancer {
	const name = "partition.assignment.strategy"
	var out []kgo.GroupBalancer
	for _, class := range s.list(name, "RangeAssignor,CooperativeStickyAssignor") {
		switch class[strings.LastIndexByte(class, '.')+1:] {
		case "RangeAssignor":
			out = append(out, kgo.RangeBalancer())
		case "RoundRobinAssignor":
			out = append(out, kgo.RoundRobinBalancer())
		case "StickyAssignor":
			out = append(out, kgo.StickyBalancer())
		case "CooperativeStickyAssignor":
			out = append(out, kgo.CooperativeStickyBalancer())
		default:
			s.failf("Class %s cannot be found", class)
		}
	}
	if len(out) == 0 {
		out = append(out, kgo.RangeBalancer())
	}
	return out
}

// resetOffset maps auto.offset.reset: earliest, latest, none or by_duration:<ISO-8601 duration>.
func resetOffset(s *settings) kgo.Offset {
	const name = "auto.offset.reset"
	value := strings.ToLower(s.text(name, "latest"))
	switch value {
	case "earliest":
		return kgo.NewOffset().AtStart()
	case "latest":
		return kgo.NewOffset().AtEnd()
	case "none":
		return kgo.NewOffset().AtCommitted()
	}
	if text, ok := strings.CutPrefix(value, "by_duration:"); ok {
		if d, ok := parseISODuration(text); ok {
			return kgo.NewOffset().AfterMilli(time.Now().Add(-d).UnixMilli())
		}
	}
	s.fail(name, "Invalid value "+value+" for configuration auto.offset.reset. The value must be either 'earliest', 'latest', 'none' or of the format 'by_duration:<PnDTnHnMn.nS.>'")
	return kgo.NewOffset().AtEnd()
}

// backoff doubles from initial to limit, as Kafka's clients do.
func backoff(initial, limit time.Duration) func(int) time.Duration {
	limit = max(limit, initial)
	return func(tries int) time.Duration {
		return min(initial<<min(max(tries-1, 0), 20), limit)
	}
}

// dialer connects within a timeout and sets the socket buffers, where -1 leaves them to the system.
func dialer(timeout time.Duration, sendBytes, receiveBytes int) func(context.Context, string, string) (net.Conn, error) {
	d := &net.Dialer{Timeout: timeout}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			if sendBytes > 0 {
				_ = tcp.SetWriteBuffer(sendBytes) // a hint: a system that refuses it serves as well
			}
			if receiveBytes > 0 {
				_ = tcp.SetReadBuffer(receiveBytes)
			}
		}
		return conn, nil
	}
}

func clamp[T int | time.Duration](v, low, high T) T { return min(max(v, low), high) }
