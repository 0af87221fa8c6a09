package serve

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/cli/output"
)

// tell is a writer that tells when a text has been written.
type tell struct {
	bytes.Buffer
	text string
	seen func()
}

func (w *tell) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if w.seen != nil && strings.Contains(w.String(), w.text) {
		w.seen()
		w.seen = nil
	}
	return n, err
}

func TestServeTellsWhatItListensOnAndStopsCleanly(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &tell{text: "consume first", seen: cancel}
	if err := run(ctx, options{dataDir: dir, listen: "127.0.0.1:0", logLevel: "warn", logFormat: "text"}, nil, out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Ottla is ready", "127.0.0.1:", dir, "stopping"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, ".kafka_cleanshutdown")); err != nil {
		t.Errorf("the directory was not closed in order: %v", err)
	}
}

func TestServeSaysWhatIsWrong(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for name, test := range map[string]struct {
		o    options
		env  []string
		want []string
	}{
		"a taken address":        {o: options{listen: ln.Addr().String()}, want: []string{ln.Addr().String(), "taken"}},
		"a wrong value":          {o: options{set: []string{"num.partitions=many"}}, want: []string{"num.partitions", "many"}},
		"a wrong environment":    {env: []string{"KAFKA_NUM_PARTITIONS=0"}, want: []string{"num.partitions", "0"}},
		"a missing file":         {o: options{configFile: "/no/such/file"}, want: []string{"/no/such/file"}},
		"a log level":            {o: options{logLevel: "loud"}, want: []string{"loud", "debug, info, warn and error"}},
		"a security protocol":    {o: options{set: []string{"listeners=PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0"}}, want: []string{"SSL", "PLAINTEXT"}},
		"a broker without one":   {o: options{set: []string{"process.roles=broker", "controller.quorum.voters=2@127.0.0.1:1", "controller.listener.names=CONTROLLER"}}, want: []string{"process.roles"}},
		"a pair without a value": {o: options{set: []string{"num.partitions"}}, want: []string{"--set num.partitions"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := test.o
			o.dataDir, o.logFormat = t.TempDir(), "text"
			if o.logLevel == "" {
				o.logLevel = "warn"
			}
			err := run(t.Context(), o, test.env, io.Discard, io.Discard)
			if err == nil {
				t.Fatal("it started")
			}
			exit := output.Usage
			if name == "a taken address" || name == "a security protocol" || name == "a broker without one" { // found while the node starts
				exit = output.Failed
			}
			if got := output.Classify(err).Exit; got != exit {
				t.Errorf("the exit code is %d, want %d: %v", got, exit, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
		})
	}
}

func TestUnknownKeysAreWarnedOfWithTheNearestName(t *testing.T) {
	_, warnings, err := load(options{set: []string{"num.partitons=3"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "num.partitons") || !strings.Contains(warnings[0], "num.partitions") {
		t.Fatalf("warnings %q", warnings)
	}
}
