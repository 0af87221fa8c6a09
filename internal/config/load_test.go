package config

import (
	"strings"
	"testing"
)

func load(t *testing.T, o LoadOptions) *Snapshot {
	t.Helper()
	s, _, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kraft is the smallest configuration that Kafka itself accepts.
const kraft = `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093
controller.listener.names=CONTROLLER
`

func TestLoadPrecedence(t *testing.T) {
	o := LoadOptions{
		FileName: "server.properties",
		File:     []byte(kraft + "num.partitions=2\nnum.io.threads=3\nlog.dirs=/file\nfetch.max.bytes=5000\n"),
		Environ:  []string{"KAFKA_NUM_PARTITIONS=4", "KAFKA_NUM_IO_THREADS=5", "KAFKA_FETCH_MAX_BYTES=6000", "PATH=/bin", "KAFKA_HEAP_OPTS=-Xmx1G"},
		Values:   map[string]string{"num.io.threads": "6", "fetch.max.bytes": "7000"},
		Set:      []string{"fetch.max.bytes=8000"},
		Fallback: map[string]string{"num.partitions": "9", "message.max.bytes": "1000"},
	}
	s := load(t, o)
	for name, want := range map[string]int{
		"num.partitions": 4, "num.io.threads": 6, "fetch.max.bytes": 8000, "message.max.bytes": 1000, "num.network.threads": 3,
	} {
		if got := s.Int(name); got != want {
			t.Errorf("%s = %d, want %d", name, got, want)
		}
	}
	if got := s.LogDirs(); len(got) != 1 || got[0] != "/file" {
		t.Errorf("LogDirs = %q", got)
	}
	if s.NodeID() != 1 || s.Int("broker.id") != 1 {
		t.Errorf("node.id %d, broker.id %d", s.NodeID(), s.Int("broker.id"))
	}
}

func TestLoadTellsEveryWrongValue(t *testing.T) {
	_, _, err := Load(LoadOptions{
		FileName: "server.properties",
		File:     []byte(kraft + "num.partitions=0\ncompression.type=LZ5\n"),
		Environ:  []string{"KAFKA_NUM_IO_THREADS=many"},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"num.partitions=0 (server.properties line 7): Value must be at least 1; allowed: int [1,...]",
		"compression.type=LZ5 (server.properties line 8): String must be one of",
		"allowed: string [uncompressed, zstd, lz4, snappy, gzip, producer]",
		"num.io.threads=many (environment KAFKA_NUM_IO_THREADS): Not a number of type INT; allowed: int [1,...]",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}

func TestLoadWarnsOfUnknownKeys(t *testing.T) {
	file := kraft + "num.partition=3\nlog.retenton.ms=5\nzookeeper.connect=x\nsuper.users=User:a\n" +
		"listener.name.plaintext.max.connections=4\nretention.ms=5\nqqqqqqqqqqqqqqqqqq=1\nbroker.heartbeat.interval.ms=8000\nauthorizer.class.name=A\n"
	_, warnings, err := Load(LoadOptions{FileName: "f", File: []byte(file), Environ: []string{"KAFKA_HOME=/opt", "KAFKA_LOGDIRS=/d"}})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(warnings, "\n")
	for _, want := range []string{
		"num.partition (f line 7) is not a known setting; did you mean num.partitions?",
		"log.retenton.ms (f line 8) is not a known setting; did you mean log.retention.ms?",
		"zookeeper.connect (f line 9) is no longer a setting",
		"super.users (f line 10) has no effect",
		"retention.ms (f line 12) is not a known setting; did you mean log.retention.ms?",
		"qqqqqqqqqqqqqqqqqq (f line 13) is not a known setting",
		"logdirs (environment KAFKA_LOGDIRS) is not a known setting; did you mean log.dirs?",
		"broker.heartbeat.interval.ms (8000)",
		"there is no authorizer yet",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in:\n%s", want, all)
		}
	}
	if len(warnings) != 9 {
		t.Errorf("%d warnings:\n%s", len(warnings), all)
	}
}

func TestStandaloneNeedsNothing(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("data"), Set: []string{"listeners=PLAINTEXT://0.0.0.0:0"}})
	if !s.HasRole("broker") || !s.HasRole("controller") || s.LogDirs()[0] != "data" {
		t.Errorf("roles %q, dirs %q", s.List("process.roles"), s.LogDirs())
	}
	if l := s.AdvertisedListeners(); len(l) != 1 || !l[0].Wildcard() || l[0].Port != 0 {
		t.Errorf("advertised %v", l)
	}
}

func TestFallbackYieldsToSynonyms(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("data"), Set: []string{"broker.id=7", "log.dir=/one"}})
	if s.NodeID() != 7 || s.LogDirs()[0] != "/one" {
		t.Errorf("node %d, dirs %q", s.NodeID(), s.LogDirs())
	}
}

// TestKafkaDistributionFile holds the settings of the server.properties that comes with Kafka 4.3.
func TestKafkaDistributionFile(t *testing.T) {
	file := `# comment
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kraft-combined-logs
num.partitions=1
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
#log.flush.interval.messages=10000
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
`
	s, warnings, err := Load(LoadOptions{FileName: "server.properties", File: []byte(file)})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if got := s.AdvertisedListeners(); len(got) != 1 || got[0].String() != "PLAINTEXT://localhost:9092" {
		t.Errorf("advertised %v", got)
	}
	if got := s.ControllerListeners(); len(got) != 1 || got[0].Address() != ":9093" {
		t.Errorf("controllers %v", got)
	}
	if name, protocol := s.InterBrokerListener(); name != "PLAINTEXT" || protocol != Plaintext {
		t.Errorf("inter broker %s %v", name, protocol)
	}
}

func TestLoadRefusesProviderVariables(t *testing.T) {
	_, _, err := Load(LoadOptions{Fallback: Standalone("d"), Set: []string{"config.providers=file", "broker.rack=${file:/x:y}"}})
	if err == nil || !strings.Contains(err.Error(), "broker.rack (--set)") {
		t.Errorf("err %v", err)
	}
}

// TestLoadRefusesInternalTopicsThatCannotBe: Apache Kafka starts, and then fails to create the topic for ever.
func TestLoadRefusesInternalTopicsThatCannotBe(t *testing.T) {
	for _, name := range []string{"offsets.topic.segment.bytes", "transaction.state.log.segment.bytes"} {
		load(t, LoadOptions{File: []byte(kraft + name + "=1048576\n")})
		_, _, err := Load(LoadOptions{File: []byte(kraft + name + "=1048575\n")})
		if err == nil || !strings.Contains(err.Error(), name+"=1048575") || !strings.Contains(err.Error(), "1048576") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
