package clienttools

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestPerfStatsPrintsJavasLines(t *testing.T) {
	var out bytes.Buffer
	start := time.UnixMilli(1_000_000)
	s := newPerfStats(&out, 100, time.Second, false, start)
	for i := range 100 {
		s.record(int64(i+1), 1<<20, start.Add(time.Duration(i+1)*20*time.Millisecond))
	}
	s.printTotal(start.Add(2 * time.Second))
	want := "50 records sent, 50.0 records/sec (50.00 MB/sec), 25.5 ms avg latency, 50.0 ms max latency.\n" +
		"50 records sent, 50.0 records/sec (50.00 MB/sec), 75.5 ms avg latency, 100.0 ms max latency.\n" +
		"100 records sent, 50.000000 records/sec (50.00 MB/sec), 50.50 ms avg latency, 100.00 ms max latency, 51 ms 50th, 96 ms 95th, 100 ms 99th, 100 ms 99.9th.\n"
	if out.String() != want {
		t.Errorf("have\n%swant\n%s", out.String(), want)
	}
}

func TestPerfStatsSteadyState(t *testing.T) {
	var out bytes.Buffer
	start := time.UnixMilli(0)
	s := newPerfStats(&out, 2, time.Second, true, start)
	s.record(3, 10, start.Add(time.Second))
	s.record(5, 10, start.Add(1500*time.Millisecond))
	s.printTotal(start.Add(2 * time.Second))
	if got := out.String(); !strings.HasPrefix(got, "In steady state.\n1 records sent,") || !strings.Contains(got, "2 steady state records sent, 1.000000 records/sec") {
		t.Error(got)
	}
}

func TestPerfStatsKeepsABoundedSample(t *testing.T) {
	s := newPerfStats(&bytes.Buffer{}, 10_000_000, time.Hour, false, time.UnixMilli(0))
	if got := cap(s.latencies); got > maxSamples+maxSamples/10 {
		t.Errorf("%d samples", got)
	}
	for range 100 {
		s.record(1, 1, time.UnixMilli(0))
	}
	if got := len(s.latencies); got != 5 {
		t.Errorf("%d samples of 100 records, want every 20th", got)
	}
}

func TestRandomLetters(t *testing.T) {
	b := randomLetters(make([]byte, 10_001), rand.NewPCG(0, 0))
	seen := map[byte]int{}
	for _, c := range b {
		if c < 'A' || c > 'Z' {
			t.Fatalf("%q is no letter", c)
		}
		seen[c]++
	}
	if len(seen) != 26 {
		t.Errorf("%d letters", len(seen))
	}
}

func TestSplitPayloads(t *testing.T) {
	cases := []struct{ text, delimiter, want string }{
		{"a\nb\nc\n", "\n", "a|b|c"}, {"a\nb", "\n", "a|b"}, {"a\n\nb", "\n", "a||b"}, {"a, b,c", ", ?", "a|b|c"}, {"\na", "\n", "a"},
	}
	for _, c := range cases {
		list, err := splitPayloads([]byte(c.text), c.delimiter)
		var got []string
		for _, b := range list {
			got = append(got, string(b))
		}
		if err != nil || strings.Join(got, "|") != c.want {
			t.Errorf("%q: %q %v", c.text, got, err)
		}
	}
}

func TestThrottle(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	start := time.UnixMilli(0)
	if !newThrottle(-1, start).wait(ctx, 1<<40, start.Add(time.Second)) {
		t.Error("no limit waited")
	}
	slow := newThrottle(1000, start)
	if !slow.wait(ctx, 999, start.Add(time.Second)) || slow.deficit != 0 {
		t.Error("waited although not too fast")
	}
	if !slow.wait(ctx, 1500, start.Add(time.Second)) || slow.deficit != time.Millisecond {
		t.Errorf("a deficit of %v", slow.deficit)
	}
	cancel()
	if newThrottle(0, start).wait(ctx, 1, start.Add(time.Second)) {
		t.Error("a rate of zero let something pass")
	}
	if newThrottle(1e-3, start).wait(ctx, 5, start.Add(time.Second)) {
		t.Error("an interrupt did not end the wait")
	}
}

func TestDates(t *testing.T) {
	at := time.Date(2026, 3, 4, 15, 6, 7, 89_000_000, time.UTC)
	for pattern, want := range map[string]string{
		defaultDateFormat: "2026-03-04 15:06:07:089", "yy/M/d h:mm a": "26/3/4 3:06 PM", "EEE, d MMM yyyy 'at' HH 'o''clock'": "Wed, 4 Mar 2026 at 15 o'clock",
		"DDD EEEE MMMM kk KK XXX Z": "063 Wednesday March 15 03 Z +0000",
	} {
		got, err := formatDate(pattern, at)
		if err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", pattern, got, err, want)
		}
	}
	if _, err := formatDate("bb", at); err == nil {
		t.Error("an unknown letter was accepted")
	}
}
