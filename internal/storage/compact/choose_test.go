package compact

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"
)

// four is a log of three closed segments of 100 bytes and an active one, which begin at 0, 10, 20 and 30.
func four(change func(*Log)) Log {
	l := Log{
		Segments:    []Segment{{0, 100}, {10, 100}, {20, 100}, {30, 100}},
		StartOffset: 0, EndOffset: 35, LastStableOffset: 35, CleanedTo: -1, MaxLagMs: math.MaxInt64,
		LargestTimestamp: func(i int) (int64, error) { return int64(i+1) * 1000, nil },
		FirstTimestamp:   func(i int) (int64, error) { return int64(i)*1000 + 1, nil },
	}
	if change != nil {
		change(&l)
	}
	return l
}

func TestConsider(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Log)
		nowMs  int64
		want   Candidate
	}{
		"never cleaned":                  {nil, 0, Candidate{0, 30, 0, 300, 0, -1}},
		"cleaned to a segment":           {func(l *Log) { l.CleanedTo = 20 }, 0, Candidate{20, 30, 200, 100, 0, -1}},
		"cleaned to the active":          {func(l *Log) { l.CleanedTo = 30 }, 0, Candidate{30, 30, 300, 0, 0, -1}},
		"cleaned into a segment":         {func(l *Log) { l.CleanedTo = 15 }, 0, Candidate{15, 30, 200, 200, 0, -1}},
		"last stable offset":             {func(l *Log) { l.LastStableOffset = 25 }, 0, Candidate{0, 20, 0, 200, 0, -1}},
		"last stable offset at a start":  {func(l *Log) { l.LastStableOffset = 20 }, 0, Candidate{0, 20, 0, 200, 0, -1}},
		"last stable offset before all":  {func(l *Log) { l.LastStableOffset = 5 }, 0, Candidate{0, 0, 0, 0, 0, -1}},
		"dirty past the stable offset":   {func(l *Log) { l.CleanedTo, l.LastStableOffset = 20, 15 }, 0, Candidate{20, 20, 200, 0, 0, -1}},
		"start moved past the end clean": {func(l *Log) { l.CleanedTo, l.StartOffset = 12, 22; l.Segments = l.Segments[2:] }, 0, Candidate{22, 30, 100, 100, 0, 12}},
		"checkpoint past the end":        {func(l *Log) { l.CleanedTo = 36 }, 0, Candidate{0, 30, 0, 300, 0, 36}},
		"start in the active":            {func(l *Log) { l.StartOffset = 33; l.Segments = l.Segments[3:] }, 0, Candidate{33, 30, 100, 0, 0, -1}},
		"only an active":                 {func(l *Log) { l.Segments = l.Segments[:1] }, 0, Candidate{0, 0, 0, 0, 0, -1}},
		"too young":                      {func(l *Log) { l.MinLagMs = 500 }, 2400, Candidate{0, 10, 0, 100, 0, -1}},
		"just old enough":                {func(l *Log) { l.MinLagMs = 500 }, 2500, Candidate{0, 20, 0, 200, 0, -1}},
		"all too young":                  {func(l *Log) { l.MinLagMs = 500 }, 100, Candidate{0, 0, 0, 0, 0, -1}},
		"youth of what is clean":         {func(l *Log) { l.MinLagMs, l.CleanedTo = 500, 10 }, 100, Candidate{10, 10, 100, 0, 0, -1}},
		"waiting too long":               {func(l *Log) { l.MaxLagMs = 100 }, 600, Candidate{0, 30, 0, 300, 499, -1}},
		"waiting long enough":            {func(l *Log) { l.MaxLagMs, l.CleanedTo = 100, 10 }, 1101, Candidate{10, 30, 100, 200, 0, -1}},
		"waiting since the second":       {func(l *Log) { l.MaxLagMs, l.CleanedTo = 100, 10 }, 1102, Candidate{10, 30, 100, 200, 1, -1}},
	} {
		if got, err := Consider(four(c.change), c.nowMs); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	failing := four(func(l *Log) {
		l.MaxLagMs = 1
		l.FirstTimestamp = func(int) (int64, error) { return 0, errors.New("unreadable") }
	})
	if _, err := Consider(failing, 100); err == nil {
		t.Error("an error was lost")
	}
}

func TestWanted(t *testing.T) {
	for _, c := range []struct {
		candidate Candidate
		ratio     float64
		want      bool
	}{
		{Candidate{CleanBytes: 50, CleanableBytes: 50}, 0.5, false},
		{Candidate{CleanBytes: 50, CleanableBytes: 51}, 0.5, true},
		{Candidate{CleanBytes: 100, CleanableBytes: 1, DelayMs: 1}, 0.5, true},
		{Candidate{CleanBytes: 100, DelayMs: 1}, 0.5, false},
		{Candidate{}, 0, false},
		{Candidate{CleanableBytes: 1}, 1, false},
	} {
		if got := c.candidate.Wanted(c.ratio); got != c.want {
			t.Errorf("%+v at %v: %v", c.candidate, c.ratio, got)
		}
	}
}

func TestGroup(t *testing.T) {
	s := func(base, size int64) GroupSegment { return GroupSegment{Base: base, SizeBytes: size} }
	for name, c := range map[string]struct {
		segments []GroupSegment
		end      int64
		want     []int
	}{
		"none":                     {nil, 0, nil},
		"all in one":               {[]GroupSegment{s(0, 30), s(10, 30), s(20, 40)}, 30, []int{3}},
		"too large":                {[]GroupSegment{s(0, 30), s(10, 30), s(20, 41)}, 30, []int{2, 1}},
		"one is too large already": {[]GroupSegment{s(0, 130), s(10, 30), s(20, 41)}, 30, []int{1, 2}},
		"index":                    {[]GroupSegment{{0, 1, 6, 0}, {10, 1, 4, 0}, {20, 1, 1, 0}}, 30, []int{2, 1}},
		"time index":               {[]GroupSegment{{0, 1, 0, 6}, {10, 1, 0, 4}, {20, 1, 0, 1}}, 30, []int{2, 1}},
		"offsets just fit":         {[]GroupSegment{s(5, 1), s(10, 1)}, 5 + math.MaxInt32 + 1, []int{2}},
		"offsets too far":          {[]GroupSegment{s(5, 1), s(10, 1)}, 5 + math.MaxInt32 + 2, []int{1, 1}},
		"next one tells the end":   {[]GroupSegment{s(0, 1), s(10, 1), s(math.MaxInt32+1, 1)}, math.MaxInt32 + 2, []int{2, 1}},
		"empty ones do not count":  {[]GroupSegment{s(0, 1), s(10, 0), s(math.MaxInt32+9, 1)}, math.MaxInt32 + 10, []int{2, 1}},
	} {
		if got := Group(c.segments, c.end, 100, 10); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestThrottler(t *testing.T) {
	var th Throttler
	now := time.UnixMilli(1_000_000)
	total := 0
	began := now
	for range 20_000 { // as fast as the throttler lets it
		total += 1000
		now = now.Add(th.Observe(1000, now, 100_000)).Add(time.Millisecond)
	}
	rate := float64(total) / now.Sub(began).Seconds()
	if rate > 105_000 || rate < 95_000 {
		t.Errorf("%.0f bytes per second", rate)
	}
	if rest := th.Observe(1<<30, now.Add(time.Second), math.MaxFloat64); rest != 0 {
		t.Errorf("without a limit it rests %s", rest)
	}
}
