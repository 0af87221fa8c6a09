package clienttools

import (
	"regexp"
	"strconv"
	"time"
)

// isoDuration is the ISO-8601 form that Java's Duration.parse takes: days, hours, minutes, seconds, each with a sign.
var isoDuration = regexp.MustCompile(`(?i)^([-+]?)P(?:([-+]?\d+)D)?(T(?:([-+]?\d+)H)?(?:([-+]?\d+)M)?(?:([-+]?\d+(?:\.\d{0,9})?)S)?)?$`)

// parseISODuration reads "P7DT1H30M2.5S"; at least one part must be there.
func parseISODuration(text string) (time.Duration, bool) {
	m := isoDuration.FindStringSubmatch(text)
	if m == nil || (m[2] == "" && m[4] == "" && m[5] == "" && m[6] == "") || m[3] == "T" || m[3] == "t" {
		return 0, false
	}
	var total float64 // seconds; durations of offset resets need no nanoseconds
	for i, unit := range map[int]float64{2: 86400, 4: 3600, 5: 60, 6: 1} {
		if m[i] == "" {
			continue
		}
		v, err := strconv.ParseFloat(m[i], 64)
		if err != nil {
			return 0, false
		}
		total += v * unit
	}
	if m[1] == "-" {
		total = -total
	}
	if total > float64(1<<62)/1e9 || total < -float64(1<<62)/1e9 {
		return 0, false
	}
	return time.Duration(total * float64(time.Second)), true
}
