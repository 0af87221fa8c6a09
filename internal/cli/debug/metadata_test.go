package debug

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/metadata/kraft"
	"ottla.dev/ottla/internal/node"
)

func export(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := Command()
	c.SetArgs(append([]string{"metadata", "export"}, args...))
	c.SetOut(&out)
	c.SetErr(&out)
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.ExecuteContext(context.Background())
	return out.String(), err
}

func TestExport(t *testing.T) {
	dir := data(t)
	own, log := filepath.Join(dir, "ottla-metadata"), filepath.Join(dir, kraft.LogDir)
	out, err := export(t, dir, "--dry-run")
	if _, missing := os.Stat(own); err != nil || missing != nil || !strings.HasPrefix(out, "would write 1 topic, 1 partition, to "+log) {
		t.Fatalf("dry run: %q, %v, %v", out, err, missing)
	}
	if _, err := os.Stat(log); err == nil {
		t.Fatal("a dry run wrote the log")
	}
	out, err = export(t, dir, "--controller", "127.0.0.1:9093", "-o", "json")
	var done node.Exported
	if err != nil || json.Unmarshal([]byte(out), &done) != nil || done.Topics != 1 || done.StaticVoters || done.Snapshot != filepath.Join(log, "00000000000000000001-0000000001.checkpoint") {
		t.Fatalf("%q, %v", out, err)
	}
	l, err := kraft.Read(os.DirFS(log))
	if err != nil || l.State.Topic("orders") == nil || l.KRaftVersion != 1 || len(l.Voters) != 1 || l.Voters[0].Port != 9093 || l.Voters[0].Listener != "CONTROLLER" {
		t.Fatalf("%+v, %v", l, err)
	}
	if _, err := os.Stat(own); err == nil {
		t.Fatal("Kafka's brokers do not start beside a directory that is no partition")
	}
	if _, err := os.Stat(filepath.Join(log, "ottla-metadata", "member")); err != nil {
		t.Fatalf("Ottla's own is gone: %v", err)
	}
	if _, err := export(t, dir); err == nil || !strings.Contains(err.Error(), "no metadata of Ottla") {
		t.Fatalf("a second time: %v", err)
	}
}

func TestExportRefusals(t *testing.T) {
	for want, args := range map[string][]string{
		"no metadata of Ottla": {t.TempDir()}, "missing port": {t.TempDir(), "--controller", "localhost"}, "no number": {t.TempDir(), "--controller", "localhost:0"},
	} {
		if _, err := export(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}
