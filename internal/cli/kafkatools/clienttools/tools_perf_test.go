package clienttools

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

func TestPerformanceTools(t *testing.T) {
	address := startCluster(t)
	code, stdout, stderr := runTool(t, "kafka-producer-perf-test", "", "--bootstrap-server", address, "--topic", "t", "--num-records", "2000",
		"--record-size", "100", "--throughput", "-1", "--warmup-records", "500", "--print-metrics", "--command-property", "batch.size=4000", "compression.type=lz4")
	wanted := regexp.MustCompile(`^Warmup first 500 records\. .*\n2000 records sent, [\d.]+ records/sec \([\d.]+ MB/sec\), [\d.]+ ms avg latency, [\d.]+ ms max latency, ` +
		`\d+ ms 50th, \d+ ms 95th, \d+ ms 99th, \d+ ms 99.9th\.\n1500 steady state records sent, .*\n\nMetric Name +Value\n`)
	if code != 0 || !wanted.MatchString(stdout) || !strings.Contains(stdout, "producer-metrics:record-send-total:{client-id=perf-producer-client}") {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, stderr = runTool(t, "kafka-consumer-perf-test", "", "--bootstrap-server", address, "--topic", "t", "--num-records", "2000", "--print-metrics")
	wanted = regexp.MustCompile(`^start.time, end.time, .*\n\d{4}-[\d: -]+, \d{4}-[\d: -]+, 0\.1907, [\d.]+, 2000, [\d.]+, \d+, -?\d+, [-\w.]+, [-\w.]+\n\nMetric Name`)
	if code != 0 || !wanted.MatchString(stdout) {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, _ = runTool(t, "kafka-consumer-perf-test", "", "--bootstrap-server", address, "--topic", "t", "--num-records", "9000", "--timeout", "300",
		"--show-detailed-stats", "--reporting-interval", "1", "--hide-header", "--date-format", "'now'")
	if code != 0 || !regexp.MustCompile(`(?m)^now, 0, [\d.]+, `).MatchString(stdout) || !strings.Contains(stdout, "timeout (300 ms) exceeded") {
		t.Errorf("code %d\n%s", code, stdout)
	}
}

func TestPerformancePayloads(t *testing.T) {
	address := startCluster(t)
	file := filepath.Join(t.TempDir(), "payloads")
	if err := os.WriteFile(file, []byte("red;green"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runTool(t, "kafka-producer-perf-test", "", "--bootstrap-server", address, "--topic", "one", "--num-records", "50",
		"--payload-file", file, "--payload-delimiter", ";", "--throughput", "100000", "--producer-props", "acks=1")
	if code != 0 || !strings.Contains(stdout, "Number of records read: 2\nOption --producer-props has been deprecated") || stderr != "" {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
	code, _, stderr = runTool(t, "kafka-producer-perf-test", "", "--bootstrap-server", address, "--topic", "one", "--num-records", "3",
		"--payload-monotonic", "--throughput", "-1")
	_, lines, _ := consume(t, address, "--topic", "one", "--partition", "0", "--from-beginning", "--max-messages", "53")
	got := strings.Fields(lines)
	if code != 0 || len(got) != 53 || !slices.Equal(got[50:], []string{"0", "1", "2"}) || !slices.Contains(got, "red") || !slices.Contains(got, "green") {
		t.Errorf("code %d, %v, %s", code, got, stderr)
	}
}

func TestPerformanceOptions(t *testing.T) {
	base := []string{"--topic", "t", "--num-records", "10", "--throughput", "-1"}
	cases := []struct {
		args []string
		want string
	}{
		{[]string{"--topic", "t"}, "argument --num-records is required"},
		{base, "one of the arguments --record-size --payload-file --payload-monotonic is required"},
		{append(base, "--record-size", "0"), "--record-size should be greater than zero."},
		{append(base, "--record-size", "9"), "At least one of --bootstrap-server"},
		{append(base, "--record-size", "9", "--warmup-records", "10"), "must be strictly fewer"},
		{append(base, "--record-size", "9", "--payload-monotonic"), "not allowed with argument --record-size"},
		{append(base, "--record-size", "9", "--command-property", "a", "b=c"), "Invalid property: a"},
		{append(base, "--payload-file", "/nonexistent", "--bootstrap-server", "h:1"), "File does not exist or empty file provided."},
	}
	for _, c := range cases {
		if code, _, stderr := runTool(t, "kafka-producer-perf-test", "", c.args...); code != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: code %d, %s", c.args, code, stderr)
		}
	}
	if code, stdout, _ := runTool(t, "kafka-producer-perf-test", ""); code != 0 || !strings.Contains(stdout, "--record-size") {
		t.Errorf("help: code %d, %s", code, stdout)
	}
	for _, args := range [][]string{{"--topic", "t"}, {"--bootstrap-server", "h:1", "--topic", "t"}, {"--bootstrap-server", "h:1", "--num-records", "1"}} {
		if code, _, stderr := runTool(t, "kafka-consumer-perf-test", "", args...); code != 1 || !strings.Contains(stderr, "required") {
			t.Errorf("%v: code %d, %s", args, code, stderr)
		}
	}
}

// jsonEvents reads JSON lines into their names and fields.
func jsonEvents(t *testing.T, lines string) (names []string, events []map[string]any) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if !strings.HasPrefix(line, `{"timestamp":`) {
			t.Errorf("time and name come first: %s", line)
		}
		names = append(names, event["name"].(string))
		events = append(events, event)
	}
	return names, events
}

func TestVerifiableClients(t *testing.T) {
	address := startCluster(t)
	code, stdout, stderr := runTool(t, "kafka-verifiable-producer", "", "--bootstrap-server", address, "--topic", "one", "--max-messages", "3",
		"--value-prefix", "7", "--repeating-keys", "2", "--message-create-time", "1000")
	names, events := jsonEvents(t, stdout)
	want := []string{"startup_complete", "producer_send_success", "producer_send_success", "producer_send_success", "shutdown_complete", "tool_data"}
	if code != 0 || !slices.Equal(names, want) {
		t.Fatalf("code %d, %v\n%s", code, names, stderr)
	}
	last := events[3]
	if last["key"] != "0" || last["value"] != "7.2" || last["topic"] != "one" || last["partition"] != 0.0 || last["offset"] != 2.0 {
		t.Errorf("%v", last)
	}
	if sum := events[5]; sum["sent"] != 3.0 || sum["acked"] != 3.0 || sum["target_throughput"] != -1.0 || sum["avg_throughput"] == nil {
		t.Errorf("%v", sum)
	}
	code, stdout, stderr = runTool(t, "kafka-verifiable-consumer", "", "--bootstrap-server", address, "--topic", "one", "--group-id", "v",
		"--max-messages", "2", "--verbose")
	names, events = jsonEvents(t, stdout)
	want = []string{"startup_complete", "partitions_assigned", "record_data", "record_data", "records_consumed", "offsets_committed",
		"partitions_revoked", "shutdown_complete", "shutdown_requested"}
	if code != 0 || !slices.Equal(names, want) {
		t.Fatalf("code %d, %v\n%s", code, names, stderr)
	}
	if !strings.Contains(stdout, `"name":"records_consumed","count":3,"partitions":[{"topic":"one","partition":0,"count":2,"minOffset":0,"maxOffset":1}]}`) ||
		!strings.Contains(stdout, `"name":"offsets_committed","offsets":[{"topic":"one","partition":0,"offset":2}],"success":true}`) {
		t.Errorf("%s", stdout)
	}
	if events[3]["value"] != "7.1" {
		t.Errorf("%v", events[3])
	}
	if got := committed(t, address, "v")["one"][0].At; got != 2 {
		t.Errorf("committed %d", got)
	}
}

func TestVerifiableProducerTellsOfFailures(t *testing.T) {
	address := startCluster(t)
	file := filepath.Join(t.TempDir(), "settings")
	if err := os.WriteFile(file, []byte("max.request.size=10\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, _ := runTool(t, "kafka-verifiable-producer", "", "--bootstrap-server", address, "--topic", "one", "--max-messages", "1", "--command-config", file)
	_, events := jsonEvents(t, stdout)
	if code != 0 || events[1]["name"] != "producer_send_error" || events[1]["exception"] != "class org.apache.kafka.common.errors.RecordTooLargeException" ||
		events[1]["key"] != nil || events[1]["value"] != "0" || events[3]["acked"] != 0.0 {
		t.Errorf("code %d\n%s", code, stdout)
	}
	for _, args := range [][]string{{"--topic", "x"}, {"--topic", "x", "--bootstrap-server", "h:1", "--acks", "5"}} {
		if code, _, stderr := runTool(t, "kafka-verifiable-producer", "", args...); code != 1 || !strings.Contains(stderr, "verifiable-producer: error:") {
			t.Errorf("%v: code %d, %s", args, code, stderr)
		}
	}
}

// The fake cluster has the protocol, so the answer of one that has not is put in its place.
func TestClusterWithoutTheConsumerProtocol(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "one"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cluster.ControlKey(int16(kmsg.ApiVersions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
		for _, key := range []kmsg.Key{kmsg.Produce, kmsg.Fetch, kmsg.ListOffsets, kmsg.Metadata, kmsg.OffsetFetch, kmsg.FindCoordinator,
			kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.LeaveGroup, kmsg.OffsetCommit, kmsg.ApiVersions} {
			supported := kmsg.NewApiVersionsResponseApiKey()
			supported.ApiKey, supported.MaxVersion = int16(key), 3
			resp.ApiKeys = append(resp.ApiKeys, supported)
		}
		return resp, nil, true
	})
	address := cluster.ListenAddrs()[0]
	code, _, stderr := consume(t, address, "--topic", "one", "--command-property", "group.protocol=consumer")
	if code != 0 || !strings.Contains(stderr, "UnsupportedVersionException: The cluster does not support the new CONSUMER group protocol.") {
		t.Errorf("code %d, %s", code, stderr)
	}
	code, _, stderr = runTool(t, "kafka-consumer-perf-test", "", "--bootstrap-server", address, "--topic", "one", "--num-records", "1",
		"--command-property", "group.protocol=consumer")
	if code != 1 || !strings.Contains(stderr, "CONSUMER group protocol") {
		t.Errorf("code %d, %s", code, stderr)
	}
}

func TestTransactionsThatCannotStart(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "one"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cluster.ControlKey(int16(kmsg.InitProducerID), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
		return resp, nil, true
	})
	code, stdout, stderr := runTool(t, "kafka-producer-perf-test", "", "--bootstrap-server", cluster.ListenAddrs()[0], "--topic", "one", "--num-records", "5",
		"--throughput", "-1", "--record-size", "5", "--transactional-id", "x")
	if code != 1 || stdout != "" || stderr == "" {
		t.Errorf("code %d, %q, %s", code, stdout, stderr)
	}
}

func TestInterruptedVerifiableConsumer(t *testing.T) {
	address := startCluster(t)
	produce(t, address, "one", "a\n")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &interruptOn{text: "offsets_committed", cancel: cancel}
	code := runVerifiableConsumer(ctx, tool.IO{Stdout: out, Stderr: io.Discard},
		[]string{"--bootstrap-server", address, "--topic", "one", "--group-id", "v", "--assignment-strategy", "org.apache.kafka.clients.consumer.RoundRobinAssignor"})
	names, _ := jsonEvents(t, out.String())
	want := []string{"startup_complete", "partitions_assigned", "records_consumed", "offsets_committed", "shutdown_requested", "partitions_revoked", "shutdown_complete"}
	if code != exitInterrupted || !slices.Equal(names, want) {
		t.Errorf("code %d, %v", code, names)
	}
}

func TestSendingForMeasurementReusesItsRecords(t *testing.T) {
	address := startCluster(t)
	settings, err := producerOptions(withServerAt(address, "linger.ms=0"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := newSender(settings, 200)
	if err != nil {
		t.Fatal(err)
	}
	defer out.close()
	plan := producerPerfPlan{topic: "one", numRecords: 1000, payloads: payloadSource{size: 100}, throughput: -1, interval: 1 << 40}
	p := newPerfProducer(tool.IO{Stdout: io.Discard, Stderr: io.Discard}, plan, out)
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	out.flush()
	if p.stats.count != 1000 || p.stats.bytes != 100_000 {
		t.Errorf("%d records, %d bytes", p.stats.count, p.stats.bytes)
	}
	r := p.pool.Get().(*perfRecord)
	if n := testing.AllocsPerRun(100, func() {
		p.pool.Put(r)
		r = p.next(1, r.sentAt)
	}); n > 0 {
		t.Errorf("preparing a record allocates %v times", n)
	}
}

func withServerAt(address string, pairs ...string) map[string]string {
	return keyValues(append([]string{"bootstrap.servers=" + address}, pairs...))
}
