package tool

import (
	"testing"
	"time"
)

func TestParseISODuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"PT1H":           time.Hour,
		"P7D":            7 * 24 * time.Hour,
		"P1DT2H3M4.5S":   26*time.Hour + 3*time.Minute + 4500*time.Millisecond,
		"-PT1M":          -time.Minute,
		"PT-1M":          -time.Minute,
		"pt0.001s":       time.Millisecond,
		"PT-0.5S":        -500 * time.Millisecond,
		"PT1H-30M":       30 * time.Minute,
		"P106751D":       106751 * 24 * time.Hour,
		"PT9223372035S":  9223372035 * time.Second,
		"-P1DT-24H":      0,
		"PT1.123456789S": 1123456789,
		"P0D":            0,
		"PT1,5S":         1500 * time.Millisecond,
	} {
		if got, err := ParseISODuration(in); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "P", "PT", "1H", "P1H", "PT1", "P1DT", "PT1.1234567890S", "P1Y", "soon", "P999999999999D", "PT99999999999999999999S"} {
		if got, err := ParseISODuration(in); err == nil {
			t.Errorf("%q is %v, want an error", in, got)
		}
	}
}

func TestParseDateTime(t *testing.T) {
	const midnight = 1704067200000
	for in, want := range map[string]int64{
		"2024-01-01T00:00:00.000":       midnight,
		"2024-01-01T00:00:00.007Z":      midnight + 7,
		"2024-1-1T0:0:0.7":              midnight + 7,
		"2024-01-01T02:30:00.000+02:30": midnight,
		"2024-01-01T02:30:00.000+0230":  midnight,
		"2023-12-31T22:00:00.000-02":    midnight,
	} {
		if got, err := ParseDateTime(in); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"2024-01-01", "2024-01-01T00:00:00", "2024-13-01T00:00:00.000", "2024-02-30T00:00:00.000", "2024-01-01T24:00:00.000", "2024-01-01T00:00:00.1000", "2024-01-01T00:00:00.000+1", "T.", "aTb.c"} {
		if got, err := ParseDateTime(in); err == nil {
			t.Errorf("%q is %d, want an error", in, got)
		}
	}
}
