package apachekafka

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

func TestBrokerKeepsRecordsOverKillAndRestart(t *testing.T) {
	if !Enabled() {
		t.Skip("needs Java: set OTTLA_INTEROP=1")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	b, err := Start(ctx, Options{Properties: map[string]string{"num.partitions": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Stop()
	produced := mustRun(t, ctx, b, ConsoleProducerTool, "one\ntwo\n", "--bootstrap-server", b.Addr(), "--topic", "t")
	if produced.ExitCode != 0 {
		t.Fatalf("producer: %+v", produced)
	}
	b.Kill()
	if b.Pid() != 0 {
		t.Fatal("a process after Kill")
	}
	if err := b.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	offsets := mustRun(t, ctx, b, GetOffsetsTool, "", "--bootstrap-server", b.Addr(), "--topic", "t")
	if got := strings.Count(offsets.Stdout, "t:"); got != 2 {
		t.Errorf("num.partitions=2 gave %d partitions: %s", got, offsets.Stdout)
	}
	read := mustRun(t, ctx, b, ConsoleConsumerTool, "", "--bootstrap-server", b.Addr(), "--topic", "t", "--from-beginning", "--max-messages", "2")
	if read.Stdout != "one\ntwo\n" {
		t.Errorf("read back %q, stderr %s", read.Stdout, read.Stderr)
	}
	dir := b.Dir()
	if err := b.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("directory after Stop: %v", err)
	}
}

func TestStartTellsWhyTheBrokerDoesNotStart(t *testing.T) {
	if !Enabled() {
		t.Skip("needs Java: set OTTLA_INTEROP=1")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := Start(ctx, Options{Properties: map[string]string{"log.segment.bytes": "none"}})
	if err == nil || !strings.Contains(err.Error(), "log.segment.bytes") {
		t.Errorf("error does not name the wrong setting: %v", err)
	}
}

func TestMissingToolsAreNamed(t *testing.T) {
	t.Setenv(LibsEnv, t.TempDir())
	if _, err := Libs(context.Background()); err == nil || !strings.Contains(err.Error(), LibsEnv) {
		t.Errorf("empty libs folder: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	t.Setenv("JAVA_HOME", "")
	if _, err := java(); err == nil || !strings.Contains(err.Error(), "Java 17") {
		t.Errorf("no java: %v", err)
	}
	if err := install(context.Background(), t.TempDir()+"/libs"); err == nil || !strings.Contains(err.Error(), "mvn") {
		t.Errorf("no maven: %v", err)
	}
}

func TestPropertiesTextIsJavas(t *testing.T) {
	got := propertiesText(map[string]string{"b": `C:\data`, "a": "1", "none": ""})
	if want := "a=1\nb=C:\\\\data\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func mustRun(t *testing.T, ctx context.Context, b *Broker, class, stdin string, args ...string) Result {
	t.Helper()
	result, err := b.RunTool(ctx, class, strings.NewReader(stdin), args...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
