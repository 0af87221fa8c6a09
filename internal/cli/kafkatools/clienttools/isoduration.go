package clienttools

import (
	"time"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// parseISODuration reads "P7DT1H30M2.5S" as Java's Duration.parse does.
func parseISODuration(text string) (time.Duration, bool) {
	d, err := tool.ParseISODuration(text)
	return d, err == nil
}
