package topic

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
	"ottla.dev/ottla/internal/cli/topic/analysis"
)

// cluster starts a broker with a topic of so many records in one partition, and gives what fetches from it.
func cluster(t *testing.T, records int) (*kfake.Cluster, *rawFetcher) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	connect := func(opts ...kgo.Opt) (*kgo.Client, error) {
		return kgo.NewClient(append(opts, kgo.SeedBrokers(c.ListenAddrs()...))...)
	}
	producer, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for i := range records {
		if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Key: fmt.Append(nil, i), Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	f, err := newRawFetcher(&profile.Session{Connect: connect, Timeout: 5 * time.Second}, "orders")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.client.Close)
	return c, f
}

// walked walks the partition and counts the records.
func walked(t *testing.T, f *rawFetcher, until int64) (records, skippedTo int64, err error) {
	t.Helper()
	topic := analysis.NewTopic(analysis.Options{MaxKeys: 100})
	a := topic.Partition(0, 0, until)
	skippedTo, err = f.walk(t.Context(), 0, 0, until, a.Add)
	topic.Done(a, time.Now())
	total, _ := topic.Reports(time.Now())
	return total.Records, skippedTo, err
}

// answer has the broker answer the next fetch with a code.
func answer(c *kfake.Cluster, code int16, logStart int64) {
	c.ControlKey(fetchKey, func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		p := kmsg.NewFetchResponseTopicPartition()
		p.ErrorCode, p.LogStartOffset = code, logStart
		t := kmsg.NewFetchResponseTopic()
		t.Topic, t.Partitions = "orders", append(t.Partitions, p)
		resp.Topics = append(resp.Topics, t)
		return resp, nil, true
	})
}

func TestWalkReadsAll(t *testing.T) {
	_, f := cluster(t, 10)
	if records, skippedTo, err := walked(t, f, 10); records != 10 || skippedTo != 0 || err != nil {
		t.Errorf("%d records, skipped to %d, %v", records, skippedTo, err)
	}
}

func TestWalkAsksAgainWhenTheLeaderMoves(t *testing.T) {
	c, f := cluster(t, 3)
	answer(c, kerr.NotLeaderForPartition.Code, -1)
	if records, _, err := walked(t, f, 3); records != 3 || err != nil {
		t.Errorf("%d records, %v", records, err)
	}
}

func TestWalkGoesOnBehindWhatRetentionDeletes(t *testing.T) {
	c, f := cluster(t, 10)
	answer(c, kerr.OffsetOutOfRange.Code, 4)
	if records, skippedTo, err := walked(t, f, 10); records != 6 || skippedTo != 4 || err != nil {
		t.Errorf("%d records, skipped to %d, %v", records, skippedTo, err)
	}
}

func TestWalkEndsWhereNothingComes(t *testing.T) {
	_, f := cluster(t, 2)
	if records, _, err := walked(t, f, 5); records != 2 || err != nil { // as if the last offsets held nothing
		t.Errorf("%d records, %v", records, err)
	}
}

func TestWalkTellsErrors(t *testing.T) {
	c, f := cluster(t, 1)
	answer(c, kerr.TopicAuthorizationFailed.Code, -1)
	_, _, err := walked(t, f, 1)
	if err == nil || !strings.Contains(err.Error(), "topic orders, partition 0: ") || output.Classify(err).Code != "TOPIC_AUTHORIZATION_FAILED" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.walk(ctx, 0, 0, 1, nil); err == nil || output.Classify(err).Exit != output.Interrupted {
		t.Errorf("%v", err)
	}
}
