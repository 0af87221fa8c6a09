package position

import (
	"testing"
	"time"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestParseAndPlace(t *testing.T) {
	// a partition that has offsets 100 to 199; afterTime is the first offset of the time that is asked for
	const start, end, afterTime = 100, 200, 150
	for text, want := range map[string]int64{
		"start": 100, "Earliest": 100, "beginning": 100, "end": 200, "latest": 200,
		"0": 100, "100": 100, "123": 123, "200": 200, "9999": 200,
		"-1": 199, "-100": 100, "-1000": 100, "+0": 100, "+10": 110, "+1000": 200,
		"-2h": 150, "-7d": 150, "-1h30m": 150, "@1700000000000": 150, "2026-01-31": 150, "2026-01-31T14:00:00Z": 150, "2026-01-31 14:00": 150,
	} {
		p, err := Parse(text, now)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := p.in(start, end, afterTime); got.Offset != want || got.Start != start || got.End != end {
			t.Errorf("%s: %+v, want %d", text, got, want)
		}
	}
}

func TestNothingAfterTheTimeIsTheEnd(t *testing.T) {
	p, err := Parse("-1s", now)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.in(5, 9, -1); got.Offset != 9 {
		t.Errorf("%+v", got)
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]time.Time{
		"-2h": now.Add(-2 * time.Hour), "-7d": now.AddDate(0, 0, -7), "-2w": now.AddDate(0, 0, -14), "-90s": now.Add(-90 * time.Second),
		"@86400000":                 time.Unix(86400, 0),
		"2026-01-31T14:00:00Z":      time.Date(2026, 1, 31, 14, 0, 0, 0, time.UTC),
		"2026-01-31T14:00:00+02:00": time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		"2026-01-31T14:00":          time.Date(2026, 1, 31, 14, 0, 0, 0, time.Local),
		"2026-01-31":                time.Date(2026, 1, 31, 0, 0, 0, 0, time.Local),
	} {
		p, err := Parse(text, now)
		if err != nil || p.kind != atTime || p.amount != want.UnixMilli() {
			t.Errorf("%s: %+v %v, want %d", text, p, err, want.UnixMilli())
		}
	}
}

func TestNoPositions(t *testing.T) {
	for _, text := range []string{"", "-", "+", "soon", "1x", "-2x", "@", "@-1", "2026-13-01", "99999999999999999999", "--2h", "1.5"} {
		if p, err := Parse(text, now); err == nil {
			t.Errorf("%q is taken as %+v", text, p)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "7d": 168 * time.Hour, "2w": 336 * time.Hour, "1h30m": 90 * time.Minute} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %s %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "-1s", "-7d", "7", "1000000d"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is taken as %s", text, got)
		}
	}
}
