//go:build interop

package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli"
	"ottla.dev/ottla/internal/cli/clitest"
	"ottla.dev/ottla/interop/apachekafka"
)

// TestCommandsForPeopleAgainstApache runs `ottla txn` and `ottla topic analyze` against Apache Kafka.
func TestCommandsForPeopleAgainstApache(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b, err := apachekafka.Start(ctx, apachekafka.Options{Properties: transactionSettings, HeapMB: 400})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Stop()
	p := &person{t: t, addr: b.Addr()}
	p.must("topic", "create", "orders", "--partitions", "2")
	open, err := clitest.Open(ctx, b.Addr(), "pay", "orders", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	p.shows("Ongoing", "txn", "list")
	p.shows("orders:1", "txn", "describe", "pay")
	p.shows("does not hang", "txn", "abort", "orders", "1", "0")
	if err := clitest.Hang(ctx, b.Addr(), 500, "orders", 0, 20*time.Minute); err != nil {
		t.Fatal(err)
	}
	p.shows("ottla txn abort orders 0 0", "txn", "hanging")
	p.shows("aborted: producer 500", "txn", "abort", "orders", "0", "0")
	p.shows("no hanging transactions", "txn", "hanging")
	p.shows("aborted in orders:1", "txn", "fence", "pay")
	p.shows("no producers", "txn", "producers", "orders", "--open")
	p.analyzes(ctx)
}

// person types commands.
type person struct {
	t    *testing.T
	addr string
}

func (p *person) run(args ...string) (string, error) {
	var out bytes.Buffer
	root := cli.Root()
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append(args, "--bootstrap", p.addr))
	err := root.ExecuteContext(p.t.Context())
	return out.String(), err
}

func (p *person) must(args ...string) string {
	p.t.Helper()
	out, err := p.run(args...)
	if err != nil {
		p.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// shows looks for a text in what a command prints, or in its error.
func (p *person) shows(want string, args ...string) {
	p.t.Helper()
	out, err := p.run(args...)
	if err != nil {
		out += err.Error()
	}
	if !strings.Contains(out, want) {
		p.t.Errorf("%v: %q is missing in\n%s", args, want, out)
	}
}

func (p *person) analyzes(ctx context.Context) {
	producer, err := kgo.NewClient(kgo.SeedBrokers(p.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		p.t.Fatal(err)
	}
	defer producer.Close()
	for i := range 1000 {
		r := &kgo.Record{Topic: "orders", Key: []byte{byte(i % 100)}, Value: []byte("a value that compresses: aaaaaaaaaaaaaaaaaaaaaaaaaa")}
		producer.Produce(ctx, r, nil)
	}
	if err := producer.Flush(ctx); err != nil {
		p.t.Fatal(err)
	}
	var got struct {
		Total struct {
			Records       int64 `json:"records"`
			Compression   map[string]struct{ Records int64 }
			Keys          struct{ Distinct, Superseded_records int64 }
			Transactional struct{ Records, Aborted, Open, Abort_markers int64 }
		}
	}
	if err := json.Unmarshal([]byte(p.must("topic", "analyze", "orders", "-o", "json")), &got); err != nil {
		p.t.Fatal(err)
	}
	g := got.Total
	if g.Records != 1002 || g.Compression["lz4"].Records != 1000 || g.Keys.Distinct != 100 || g.Keys.Superseded_records != 900 {
		p.t.Errorf("%+v", g)
	}
	if tx := g.Transactional; tx.Records != 2 || tx.Aborted != 2 || tx.Open != 0 || tx.Abort_markers != 2 {
		p.t.Errorf("%+v", tx)
	}
}
