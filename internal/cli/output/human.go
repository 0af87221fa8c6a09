package output

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bytes writes a size as people read it.
func Bytes(n int64) string {
	if n < 0 {
		return "-"
	}
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), -1
	for value >= 1024 && unit < 5 {
		value /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[unit])
}

// Count writes a number, or "-" for one that is not known.
func Count(n int64) string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// Duration writes a time span in its two largest units.
func Duration(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}
	text, parts := "", 0
	for _, u := range units {
		if n := d / u.size; n > 0 && parts < 2 {
			text += fmt.Sprintf("%d%s", n, u.name)
			d -= n * u.size
			parts++
		}
	}
	if text == "" {
		return "0s"
	}
	return text
}

// maxReadable is the largest value that still means an amount; larger ones, such as the largest int64, mean "no limit".
const maxReadable = 1 << 42

// SettingValue adds to a setting's value what it means, where the name tells its unit: 604800000 (7d).
func SettingValue(name, value string) string {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 1000 || n > maxReadable {
		return value
	}
	switch {
	case strings.HasSuffix(name, ".ms"):
		return fmt.Sprintf("%s (%s)", value, Duration(time.Duration(n)*time.Millisecond))
	case strings.HasSuffix(name, ".bytes") && n >= 1024:
		return fmt.Sprintf("%s (%s)", value, Bytes(n))
	}
	return value
}

// Numbers writes broker ids or partitions as one word.
func Numbers(ids []int32) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(int(id))
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ",")
}

// Plural writes a count with its noun.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
