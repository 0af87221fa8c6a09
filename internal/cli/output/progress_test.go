package output

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

func TestProgressIsDrawnSeldomAndTakenAway(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(100, 0)
	b := &Progress{out: &out, width: 40, total: 200, now: func() time.Time { return now }, started: now}
	b.At(0, "a")
	b.At(1, "too soon")
	now = now.Add(2 * time.Second)
	b.At(100, "half")
	b.End()
	text := out.String()
	if strings.Contains(text, "too soon") || strings.Count(text, "\r\x1b[K") != 3 || !strings.HasSuffix(text, "\r\x1b[K") {
		t.Errorf("%q", text)
	}
	if want := "[========         ]  50%  half  2s left"; !strings.Contains(text, want) {
		t.Errorf("%q, want %q", text, want)
	}
}

func TestProgressKeepsWithinTheTerminal(t *testing.T) {
	b := &Progress{total: 100}
	for width := range 120 {
		b.width = width
		for _, done := range []int64{0, 50, 100, 500} {
			if line := b.line(done, "partition 1, 20.0 MiB", 10*time.Second); len(line) >= max(width, 45) {
				t.Errorf("%d columns: %q", width, line)
			}
		}
	}
}

func TestProgressShowsNothingElsewhere(t *testing.T) {
	var errs bytes.Buffer
	b := New(io.Discard, &errs, Table).Progress(10)
	b.At(5, "half")
	b.End()
	if errs.Len() > 0 {
		t.Errorf("%q", errs.String())
	}
}
