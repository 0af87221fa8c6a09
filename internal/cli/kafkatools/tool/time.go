package tool

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var isoDuration = regexp.MustCompile(`(?i)^([-+]?)P(?:([-+]?[0-9]+)D)?(T(?:([-+]?[0-9]+)H)?(?:([-+]?[0-9]+)M)?(?:([-+]?)([0-9]+)(?:[.,]([0-9]{0,9}))?S)?)?$`)

// maxSeconds is what a duration can hold, less than a second short of its end.
const maxSeconds = math.MaxInt64/int64(time.Second) - 1

// ParseISODuration reads a duration in the ISO-8601 form that Java's Duration.parse takes, such as PT1H30M, P7D or
// -PT2.5S.
func ParseISODuration(text string) (time.Duration, error) {
	wrong := Errorf("Text cannot be parsed to a Duration")
	m := isoDuration.FindStringSubmatch(text)
	if m == nil || m[2]+m[4]+m[5]+m[7] == "" || strings.EqualFold(m[3], "T") {
		return 0, wrong
	}
	total := int64(0)
	seconds := m[6] + m[7]
	for _, part := range []struct {
		text string
		unit int64
	}{{m[2], 86400}, {m[4], 3600}, {m[5], 60}, {seconds, 1}} {
		if part.text == "" {
			continue
		}
		n, err := strconv.ParseInt(part.text, 10, 64)
		if limit := maxSeconds / part.unit; err != nil || n > limit || n < -limit {
			return 0, wrong
		}
		total += n * part.unit
	}
	fraction, _ := strconv.ParseInt((m[8] + "000000000")[:9], 10, 64)
	if m[6] == "-" {
		fraction = -fraction
	}
	if total > maxSeconds || total < -maxSeconds {
		return 0, wrong
	}
	d := time.Duration(total)*time.Second + time.Duration(fraction)
	if m[1] == "-" {
		d = -d
	}
	return d, nil
}

var dateTime = regexp.MustCompile(`^([0-9]+)-([0-9]+)-([0-9]+)T([0-9]+):([0-9]+):([0-9]+)\.([0-9]+)(Z|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})$`)

// ParseDateTime reads a time as Apache's tools do, yyyy-MM-ddTHH:mm:ss.SSS with or without a zone; without one it is UTC.
// The part after the point is a number of milliseconds: ".5" is five of them. The result is in milliseconds.
func ParseDateTime(text string) (int64, error) {
	_, clock, ok := strings.Cut(text, "T")
	if !ok {
		return 0, errors.New("java.text.ParseException: Error parsing timestamp. It does not contain a 'T' according to ISO8601 format")
	}
	if !strings.ContainsAny(clock, "+-Z") {
		text += "Z"
	}
	wrong := errors.New(`java.text.ParseException: Unparseable date: "` + text + `"`)
	m := dateTime.FindStringSubmatch(text)
	if m == nil {
		return 0, wrong
	}
	var parts [7]int
	for i := range parts {
		n, err := strconv.Atoi(m[i+1])
		if err != nil {
			return 0, wrong
		}
		parts[i] = n
	}
	year, month, day, hour, minute, second, ms := parts[0], time.Month(parts[1]), parts[2], parts[3], parts[4], parts[5], parts[6]
	if ms > 999 {
		return 0, wrong
	}
	t := time.Date(year, month, day, hour, minute, second, ms*int(time.Millisecond), time.UTC)
	if t.Month() != month || t.Day() != day || t.Hour() != hour || t.Minute() != minute || t.Second() != second {
		return 0, wrong // a month 13 or a second 60
	}
	return t.UnixMilli() - zoneOffset(m[8]).Milliseconds(), nil
}

// zoneOffset reads "Z", "+01", "+0100" or "+01:00".
func zoneOffset(zone string) time.Duration {
	if zone == "Z" {
		return 0
	}
	digits := strings.ReplaceAll(zone[1:], ":", "") + "00"
	hours, _ := strconv.Atoi(digits[:2])
	minutes, _ := strconv.Atoi(digits[2:4])
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if zone[0] == '-' {
		return -offset
	}
	return offset
}
