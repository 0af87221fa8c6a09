package clienttools

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// logger writes what Apache's tools log, in the pattern of their default configuration: warnings and errors on standard error.
type logger struct {
	mu  sync.Mutex
	out io.Writer
	now func() time.Time
}

func newLogger(out io.Writer) *logger { return &logger{out: out, now: time.Now} }

// log writes one entry of the class's logger; cause, if any, follows on the next line, as a Java exception would.
func (l *logger) log(level, class, message string, cause error) {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s] %s %s (%s)\n", l.now().Format("2006-01-02 15:04:05,000"), level, message, class)
	if cause != nil {
		b.WriteString(tool.Describe(cause))
		b.WriteByte('\n')
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.out, b.String()) // there is nowhere left to report a broken standard error to
}

// clientLogger passes on the Go client's warnings, such as a broker that cannot be reached.
type clientLogger struct {
	*logger
	name string // "Producer clientId=…", as the Java clients begin their messages
}

// Level makes the client give warnings and errors only.
func (c clientLogger) Level() kgo.LogLevel { return kgo.LogLevelWarn }

// Log writes one entry.
func (c clientLogger) Log(level kgo.LogLevel, message string, pairs ...any) {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s] %s", c.name, message)
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, " %v=%v", pairs[i], pairs[i+1])
	}
	c.log(level.String(), "org.apache.kafka.clients.NetworkClient", b.String(), nil)
}
