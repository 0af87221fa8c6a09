package consume

import (
	"bufio"
	"bytes"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/output"
)

func TestPlanEndsWhenAllPartitionsAreRead(t *testing.T) {
	p := plan{stop: map[string]map[int32]int64{"a": {0: 10, 1: 5}}}
	steps := []struct {
		partition int32
		next      int64
		reached   bool
		done      bool
	}{
		{0, 9, false, false},
		{0, 12, true, false}, // offsets may be missing: beyond counts too
		{0, 13, false, false},
		{1, 5, true, true},
	}
	for _, s := range steps {
		if got := p.reached("a", s.partition, s.next); got != s.reached || p.done() != s.done {
			t.Errorf("%+v: reached %v, done %v", s, got, p.done())
		}
	}
}

func TestPlanShowsOnlyWhatLiesBefore(t *testing.T) {
	p := plan{stop: map[string]map[int32]int64{"a": {0: 10}}}
	for offset, want := range map[int64]bool{0: true, 9: true, 10: false, 11: false} {
		if got := p.before("a", 0, offset); got != want {
			t.Errorf("offset %d: %v", offset, got)
		}
	}
	if p.before("a", 1, 0) {
		t.Error("a partition that is not in the plan is shown")
	}
	without := plan{}
	if !without.before("a", 0, 1<<40) || without.done() || without.reached("a", 0, 5) {
		t.Error("a plan without an end ends")
	}
}

func TestForms(t *testing.T) {
	at := time.Date(2026, 1, 31, 14, 0, 0, 5e6, time.Local)
	text := &kgo.Record{Topic: "orders", Partition: 2, Offset: 7, Timestamp: at, Key: []byte("k"), Value: []byte("v\x1b[2J\n"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}}}
	bare := &kgo.Record{Topic: "orders", Timestamp: at}
	binary := &kgo.Record{Topic: "orders", Timestamp: at, Value: []byte{0xff, 0}}
	for _, tc := range []struct {
		name   string
		o      options
		format output.Format
		record *kgo.Record
		want   string
	}{
		{"piped", options{}, output.Table, text, "v\x1b[2J\n\n"},
		{"piped, none", options{}, output.Table, bare, "\n"},
		{"table", options{formGiven: true}, output.Table, text, `orders-2 @7  2026-01-31 14:00:00.005  k  v\x1b[2J\x0a  {h=1}` + "\n"},
		{"table, none", options{formGiven: true}, output.Table, bare, "orders-0 @0  2026-01-31 14:00:00.005  (no value)\n"},
		{"table, binary", options{formGiven: true}, output.Table, binary, "orders-0 @0  2026-01-31 14:00:00.005  0xff00\n"},
		{"format", options{format: `%o:%k;`}, output.Table, text, "7:k;"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			show, err := newShower(output.New(&out, &out, tc.format), tc.o)
			if err != nil {
				t.Fatal(err)
			}
			w := bufio.NewWriter(&out)
			if err := show(w, tc.record); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil || out.String() != tc.want {
				t.Errorf("%q, want %q", out.String(), tc.want)
			}
		})
	}
}

func TestATerminalGetsLines(t *testing.T) {
	var out bytes.Buffer
	p := output.New(&out, &out, output.Table)
	p.Terminal = true
	t.Setenv("TERM", "dumb")
	show, err := newShower(p, options{})
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(&out)
	if err := show(w, &kgo.Record{Topic: "t", Timestamp: time.UnixMilli(0), Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil || !bytes.HasPrefix(out.Bytes(), []byte("t-0 @0  ")) {
		t.Errorf("%q", out.String())
	}
}

func TestTakeStopsAtTheEndOfThePlan(t *testing.T) {
	client, err := kgo.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	record := func(offset int64) *kgo.Record {
		return &kgo.Record{Topic: "a", Offset: offset, Value: []byte{byte('0' + offset)}}
	}
	fetched := kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: "a", Partitions: []kgo.FetchPartition{{Records: []*kgo.Record{record(0), record(1), record(4), record(5)}}}}}}}
	for _, tc := range []struct {
		name   string
		stop   map[int32]int64
		max    int64
		want   string
		enough bool
	}{
		{"no end", nil, 0, "0\n1\n4\n5\n", false},
		{"an end between", map[int32]int64{0: 2}, 0, "0\n1\n", true},
		{"an end in a gap", map[int32]int64{0: 3}, 0, "0\n1\n", true},
		{"an end ahead", map[int32]int64{0: 9}, 0, "0\n1\n4\n5\n", false},
		{"exactly the end", map[int32]int64{0: 6}, 0, "0\n1\n4\n5\n", true},
		{"another partition is left", map[int32]int64{0: 2, 1: 1}, 0, "0\n1\n", false},
		{"as many as asked for", nil, 3, "0\n1\n4\n", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			p := output.New(&out, &out, output.Table)
			o := options{max: tc.max}
			show, err := newShower(p, o)
			if err != nil {
				t.Fatal(err)
			}
			r := &reader{o: o, client: client, show: show, w: bufio.NewWriter(&out), out: p}
			if tc.stop != nil {
				r.plan.stop = map[string]map[int32]int64{"a": tc.stop}
			}
			_, enough, err := r.take(fetched)
			if err != nil || enough != tc.enough {
				t.Errorf("enough %v, %v", enough, err)
			}
			if err := r.w.Flush(); err != nil || out.String() != tc.want {
				t.Errorf("%q, want %q", out.String(), tc.want)
			}
		})
	}
}
