package produce

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/clitest"
	"ottla.dev/ottla/internal/cli/output"
)

func all(t *testing.T, in io.Reader, whole bool) (got []string, err error) {
	t.Helper()
	for i := range lines(t.Context(), in, whole, 1<<20) {
		if i.err != nil {
			return got, i.err
		}
		got = append(got, string(i.line))
	}
	return got, nil
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 200<<10) // larger than the reader's buffer
	for text, want := range map[string][]string{
		"":                  nil,
		"\n":                {""},
		"a":                 {"a"},
		"a\n":               {"a"},
		"a\r\nb\r\n":        {"a", "b"},
		"a\n\nb":            {"a", "", "b"},
		"\ra\r":             {"\ra\r"},
		long + "\n" + "b\n": {long, "b"},
		"b\n" + long:        {"b", long},
	} {
		if got, err := all(t, strings.NewReader(text), false); err != nil || !slices.Equal(got, want) {
			t.Errorf("%.20q: %.20q %v", text, got, err)
		}
	}
	if got, err := all(t, strings.NewReader("a\nb\n"), true); err != nil || !slices.Equal(got, []string{"a\nb\n"}) {
		t.Errorf("whole: %q %v", got, err)
	}
}

// endless gives the same byte for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestALineWithoutEndIsRefused(t *testing.T) {
	for _, whole := range []bool{false, true} {
		if _, err := all(t, endless{}, whole); !errors.Is(err, errTooLong) {
			t.Errorf("whole %v: %v", whole, err)
		}
	}
}

func TestAReadErrorComesOut(t *testing.T) {
	broken := errors.New("broken")
	got, err := all(t, io.MultiReader(strings.NewReader("a\nb"), errorReader{broken}), false)
	if !errors.Is(err, broken) || !slices.Equal(got, []string{"a"}) {
		t.Errorf("%q %v", got, err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestRecordTakesWhatFlagsSay(t *testing.T) {
	o := options{topic: "t", format: "%v", partition: -1, key: "k", keyGiven: true, headers: []string{"a=1"}, timestamp: 5, tombstone: true}
	tpl, err := o.template()
	if err != nil {
		t.Fatal(err)
	}
	r, err := tpl.record([]byte("v"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Topic != "t" || string(r.Key) != "k" || string(r.Value) != "v" || !r.Timestamp.Equal(time.UnixMilli(5)) || len(r.Headers) != 1 {
		t.Errorf("%+v", r)
	}
	if r, err = tpl.record(nil, 1); err != nil || r.Value != nil {
		t.Errorf("no tombstone: %+v %v", r, err)
	}
	o.format = "json"
	if tpl, err = o.template(); err != nil {
		t.Fatal(err)
	}
	r, err = tpl.record([]byte(`{"key":"own","value":"v","timestamp":9,"headers":[{"name":"b","value":"2"}]}`), 1)
	if err != nil || string(r.Key) != "own" || r.Timestamp.UnixMilli() != 9 || len(r.Headers) != 2 {
		t.Errorf("what a record brings loses against the flags: %+v %v", r, err)
	}
}

func TestFlagsThatExcludeEachOther(t *testing.T) {
	for _, o := range []options{
		{format: "%k %v", whole: true}, {format: "json", whole: true}, {format: "%v", headers: []string{"x"}}, {format: "%x"},
	} {
		if _, err := o.template(); output.Classify(err).Exit != output.Usage {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, o := range []options{{acks: "2", compression: "none"}, {acks: "all", compression: "br"}} {
		if _, err := o.clientOptions(); output.Classify(err).Exit != output.Usage {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestSummary(t *testing.T) {
	var out bytes.Buffer
	w := &writer{byPartition: map[int32]*partition{1: {1, 2, 7, 8}, 0: {0, 1, 5, 5}}}
	if err := w.tell(output.New(&out, &out, output.Table), options{topic: "t"}); err != nil {
		t.Fatal(err)
	}
	if want := "wrote 3 records to t: partition 0 offset 5, partition 1 offsets 7-8\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
}

func TestABrokerThatNoLongerAnswers(t *testing.T) {
	client, err := kgo.NewClient(kgo.SeedBrokers(clitest.Listen(t, clitest.Silent)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	o := options{topic: "t", format: "%v", partition: -1}
	tpl, err := o.template()
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{client: client, template: tpl, partitions: 1, timeout: 100 * time.Millisecond, failed: make(chan error, 1), byPartition: map[int32]*partition{}}
	err = w.write(t.Context(), lines(t.Context(), strings.NewReader("a\nb\n"), false, 1<<20))
	if e := output.Classify(err); e.Exit != output.Unreachable || !strings.Contains(e.Message, "no record was acknowledged within 100ms") {
		t.Errorf("%v", err)
	}
	if len(w.byPartition) > 0 {
		t.Errorf("%v", w.byPartition)
	}
}
