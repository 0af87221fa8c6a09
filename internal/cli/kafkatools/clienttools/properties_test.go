package clienttools

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// option asks a client that was made with the options for the value of one of them.
func option(t *testing.T, opts []kgo.Opt, of any) any {
	t.Helper()
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	return client.OptValue(of)
}

func withServer(pairs ...string) map[string]string {
	return keyValues(append([]string{"bootstrap.servers=127.0.0.1:1"}, pairs...))
}

func TestProducerProperties(t *testing.T) {
	cases := []struct {
		pairs []string
		of    any
		want  any
	}{
		{nil, kgo.RequiredAcks, kgo.AllISRAcks()},
		{nil, kgo.DisableIdempotentWrite, false},
		{nil, kgo.ProducerLinger, 5 * time.Millisecond},
		{nil, kgo.RecordDeliveryTimeout, 120 * time.Second},
		{[]string{"acks=1"}, kgo.RequiredAcks, kgo.LeaderAck()},
		{[]string{"acks=1"}, kgo.DisableIdempotentWrite, true},
		{[]string{"acks=0"}, kgo.RequiredAcks, kgo.NoAck()},
		{[]string{"retries=0"}, kgo.DisableIdempotentWrite, true},
		{[]string{"retries=7"}, kgo.RecordRetries, int64(7)},
		{[]string{"enable.idempotence=false", "max.in.flight.requests.per.connection=2"}, kgo.MaxProduceRequestsInflightPerBroker, 2},
		{[]string{"linger.ms=50"}, kgo.ProducerLinger, 50 * time.Millisecond},
		{[]string{"linger.ms=9999999"}, kgo.ProducerLinger, time.Minute},
		{[]string{"delivery.timeout.ms=40000"}, kgo.RecordDeliveryTimeout, 40 * time.Second},
		{[]string{"request.timeout.ms=200000"}, kgo.RecordDeliveryTimeout, 200*time.Second + 5*time.Millisecond},
		{[]string{"buffer.memory=1000"}, kgo.MaxBufferedBytes, int64(1000)},
		{[]string{"client.id=me"}, kgo.ClientID, "me"},
		{[]string{"transactional.id=tx"}, kgo.TransactionalID, "tx"},
		{[]string{"transaction.timeout.ms=1234", "transactional.id=tx"}, kgo.TransactionTimeout, 1234 * time.Millisecond},
		{[]string{"metadata.max.age.ms=60000"}, kgo.MetadataMaxAge, time.Minute},
	}
	for _, c := range cases {
		settings, err := producerOptions(withServer(c.pairs...))
		if err != nil {
			t.Errorf("%v: %v", c.pairs, err)
			continue
		}
		if got := option(t, settings.options, c.of); got != c.want {
			t.Errorf("%v: %#v, want %#v", c.pairs, got, c.want)
		}
	}
}

func TestConsumerProperties(t *testing.T) {
	cases := []struct {
		pairs []string
		of    any
		want  any
	}{
		{nil, kgo.FetchMaxWait, 500 * time.Millisecond},
		{nil, kgo.FetchMinBytes, int32(1)},
		{nil, kgo.FetchMaxBytes, int32(50 << 20)},
		{nil, kgo.FetchMaxPartitionBytes, int32(1 << 20)},
		{nil, kgo.ConsumeStartOffset, kgo.NewOffset().AtEnd()},
		{[]string{"auto.offset.reset=earliest"}, kgo.ConsumeStartOffset, kgo.NewOffset().AtStart()},
		{[]string{"auto.offset.reset=none"}, kgo.ConsumeStartOffset, kgo.NewOffset().AtCommitted()},
		{[]string{"fetch.min.bytes=9"}, kgo.FetchMinBytes, int32(9)},
		{[]string{"fetch.max.wait.ms=30"}, kgo.FetchMaxWait, 30 * time.Millisecond},
		{[]string{"max.partition.fetch.bytes=777"}, kgo.FetchMaxPartitionBytes, int32(777)},
		{[]string{"isolation.level=READ_COMMITTED"}, kgo.FetchIsolationLevel, int8(1)},
		{[]string{"client.rack=r1"}, kgo.Rack, "r1"},
		{[]string{"check.crcs=false"}, kgo.DisableFetchCRCValidation, true},
	}
	for _, c := range cases {
		settings, err := consumerOptions(withServer(c.pairs...))
		if err != nil {
			t.Errorf("%v: %v", c.pairs, err)
			continue
		}
		if got := option(t, settings.options, c.of); got != c.want {
			t.Errorf("%v: %#v, want %#v", c.pairs, got, c.want)
		}
	}
}

func TestGroupProperties(t *testing.T) {
	cases := []struct {
		pairs []string
		of    any
		want  any
	}{
		{nil, kgo.SessionTimeout, 45 * time.Second},
		{nil, kgo.RebalanceTimeout, 5 * time.Minute},
		{nil, kgo.HeartbeatInterval, 3 * time.Second},
		{nil, kgo.AutoCommitInterval, 5 * time.Second},
		{[]string{"session.timeout.ms=6000"}, kgo.SessionTimeout, 6 * time.Second},
		{[]string{"group.instance.id=i1"}, kgo.InstanceID, "i1"},
		{[]string{"enable.auto.commit=false"}, kgo.DisableAutoCommit, true},
		{[]string{"group.protocol=CONSUMER"}, kgo.ServerSideBalancer, true},
	}
	for _, c := range cases {
		properties := withServer(append(c.pairs, "group.id=g")...)
		settings, err := consumerOptions(properties)
		if err != nil {
			t.Fatal(err)
		}
		group, err := groupOptions(properties, settings)
		if err != nil {
			t.Errorf("%v: %v", c.pairs, err)
			continue
		}
		opts := append(append(settings.options, group...), kgo.ConsumeTopics("t"))
		got := option(t, opts, c.of)
		if p, ok := got.(*string); ok && p != nil {
			got = *p
		}
		if got != c.want {
			t.Errorf("%v: %#v, want %#v", c.pairs, got, c.want)
		}
	}
}

func TestBadPropertiesReadAsJavasExceptions(t *testing.T) {
	const prefix = "org.apache.kafka.common.config.ConfigException: "
	cases := []struct{ pair, want string }{
		{"linger.ms=soon", "Invalid value soon for configuration linger.ms: Not a number of type LONG"},
		{"batch.size=-1", "Invalid value -1 for configuration batch.size: Value must be at least 0"},
		{"acks=2", "Invalid value 2 for configuration acks: String must be one of: all, -1, 0, 1"},
		{"compression.type=brotli", "Invalid value brotli for configuration compression.type"},
		{"enable.idempotence=maybe", "Expected value to be either true or false"},
		{"enable.idempotence=true acks=1", "Must set acks to all in order to use the idempotent producer."},
		{"enable.idempotence=true retries=0", "Must set retries to non-zero when using the idempotent producer."},
		{"transactional.id=t max.in.flight.requests.per.connection=6", "Must set max.in.flight.requests.per.connection to at most 5"},
		{"transactional.id=t enable.idempotence=false", "Cannot set a transactional.id without also enabling idempotence."},
		{"delivery.timeout.ms=10", "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms"},
		{"security.protocol=SSL", "Invalid value SSL for configuration security.protocol"},
		{"partitioner.class=my.Own", "Invalid value my.Own for configuration partitioner.class"},
	}
	for _, c := range cases {
		_, err := producerOptions(withServer(strings.Fields(c.pair)...))
		if err == nil || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.pair, err, c.want)
		}
	}
	if _, err := consumerOptions(withServer("auto.offset.reset=sometime")); err == nil {
		t.Error("auto.offset.reset=sometime was accepted")
	}
	if _, err := producerOptions(map[string]string{}); err == nil {
		t.Error("no bootstrap.servers was accepted")
	}
	if _, err := groupOptions(withServer("partition.assignment.strategy=my.Own"), consumerSettings{}); err == nil {
		t.Error("an unknown assignor was accepted")
	}
}

func TestISODurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"P1D": 24 * time.Hour, "PT1H30M": 90 * time.Minute, "pt2.5s": 2500 * time.Millisecond, "P1DT1S": 24*time.Hour + time.Second, "-PT1M": -time.Minute,
	} {
		if got, ok := parseISODuration(text); !ok || got != want {
			t.Errorf("%s: %v %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "P", "PT", "P1DT", "1h", "PT1H1", "P99999999999D"} {
		if got, ok := parseISODuration(text); ok {
			t.Errorf("%q gave %v", text, got)
		}
	}
	settings, err := consumerOptions(withServer("auto.offset.reset=by_duration:PT1H"))
	if err != nil || settings.reset == kgo.NewOffset().AtEnd() {
		t.Errorf("by_duration: %v %v", settings.reset, err)
	}
}
