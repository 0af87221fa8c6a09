package debug

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/vfs"
)

// data returns the directory of a node that has run and holds records in topic orders.
func data(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	node, err := broker.Start(t.Context(), broker.Config{DataDir: dir, Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(node.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("value")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := Command()
	c.SetArgs(append([]string{"log", "check"}, args...))
	c.SetOut(&out)
	c.SetErr(&out)
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.ExecuteContext(context.Background())
	return out.String(), err
}

func TestASoundDirectory(t *testing.T) {
	dir := data(t)
	if out, err := run(t, dir); err != nil || out != dir+" is sound\n" {
		t.Errorf("%q %v", out, err)
	}
	if out, err := run(t, dir, "-o", "json"); err != nil || !strings.Contains(out, `"sound": true`) || !strings.Contains(out, `"problems": []`) {
		t.Errorf("%s %v", out, err)
	}
}

func TestAFlippedBitIsFound(t *testing.T) {
	dir := data(t)
	path := filepath.Join(dir, "orders-0", "00000000000000000000.log")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-3] ^= 1
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"table", "json"} {
		out, err := run(t, dir, "-o", form)
		if e := output.Classify(err); err == nil || e.Exit != output.Failed || e.Code != "UNSOUND" {
			t.Errorf("%s: %v", form, err)
		}
		if !strings.Contains(out, path) || !strings.Contains(out, "CRC") && !strings.Contains(out, "crc") {
			t.Errorf("%s: %s", form, out)
		}
	}
}

func TestNoDirectory(t *testing.T) {
	var out bytes.Buffer
	err := check(vfs.OS, []string{filepath.Join(t.TempDir(), "nope")}, output.New(&out, &out, output.Table))
	if !output.IsNotFound(err) {
		t.Errorf("%v", err)
	}
}
