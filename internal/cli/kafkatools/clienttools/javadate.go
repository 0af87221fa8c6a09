package clienttools

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// formatDate formats a time by a pattern of Java's SimpleDateFormat. Letters that the tools' users have no need for
// (eras, weeks) are refused, as SimpleDateFormat refuses letters that it does not know.
func formatDate(pattern string, t time.Time) (string, error) {
	var b strings.Builder
	for i := 0; i < len(pattern); {
		c := pattern[i]
		switch {
		case c == '\'':
			text, next := quotedText(pattern, i)
			b.WriteString(text)
			i = next
		case (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'):
			n := 1
			for i+n < len(pattern) && pattern[i+n] == c {
				n++
			}
			text, ok := dateField(c, n, t)
			if !ok {
				return "", exceptionf(classIllegalArgument, "Illegal pattern character '%c'", c)
			}
			b.WriteString(text)
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), nil
}

// quotedText reads text between quotes from i on; two quotes are one.
func quotedText(pattern string, i int) (text string, next int) {
	if strings.HasPrefix(pattern[i:], "''") {
		return "'", i + 2
	}
	var b strings.Builder
	for i++; i < len(pattern); i++ {
		if pattern[i] != '\'' {
			b.WriteByte(pattern[i])
			continue
		}
		if i+1 < len(pattern) && pattern[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1
	}
	return b.String(), i
}

func dateField(c byte, n int, t time.Time) (string, bool) {
	padded := func(v int) (string, bool) { return fmt.Sprintf("%0*d", n, v), true }
	switch c {
	case 'y', 'Y':
		if n == 2 {
			return fmt.Sprintf("%02d", t.Year()%100), true
		}
		return padded(t.Year())
	case 'M', 'L':
		switch {
		case n >= 4:
			return t.Month().String(), true
		case n == 3:
			return t.Month().String()[:3], true
		}
		return padded(int(t.Month()))
	case 'd':
		return padded(t.Day())
	case 'D':
		return padded(t.YearDay())
	case 'E':
		if n >= 4 {
			return t.Weekday().String(), true
		}
		return t.Weekday().String()[:3], true
	case 'a':
		return t.Format("PM"), true
	case 'z':
		return t.Format("MST"), true
	case 'Z':
		return t.Format("-0700"), true
	case 'X':
		layouts := map[int]string{1: "Z07", 2: "Z0700", 3: "Z07:00"}
		return t.Format(layouts[n]), n <= 3
	}
	return clockField(c, n, t)
}

func clockField(c byte, n int, t time.Time) (string, bool) {
	hour12 := t.Hour() % 12
	value := map[byte]int{
		'H': t.Hour(), 'k': (t.Hour()+23)%24 + 1, 'K': hour12, 'h': (hour12+11)%12 + 1,
		'm': t.Minute(), 's': t.Second(), 'S': t.Nanosecond() / 1e6,
	}
	v, ok := value[c]
	if !ok {
		return "", false
	}
	text := strconv.Itoa(v)
	return strings.Repeat("0", max(n-len(text), 0)) + text, true
}
