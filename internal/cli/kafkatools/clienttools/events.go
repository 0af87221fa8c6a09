package clienttools

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"ottla.dev/ottla/internal/cli/kafkatools/clienttools/recordjson"
)

// events prints the JSON lines of the verifiable clients: every line has the time and the event's name first.
type events struct {
	mu  sync.Mutex
	out io.Writer
	buf []byte
}

// print writes one line; fill appends the event's own fields, each with a comma in front.
func (e *events) print(name string, fill func(line []byte) []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	line := append(e.buf[:0], `{"timestamp":`...)
	line = strconv.AppendInt(line, time.Now().UnixMilli(), 10)
	line = appendField(line, "name", name)
	if fill != nil {
		line = fill(line)
	}
	e.buf = append(line, '}', '\n')
	_, _ = e.out.Write(e.buf) // whoever drives the tool has gone; it ends by its own limits
}

// appendField appends a text field.
func appendField(line []byte, name, value string) []byte {
	return recordjson.AppendString(appendName(line, name), value)
}

// appendNullable appends a text field of bytes that may be absent.
func appendNullable(line []byte, name string, value []byte) []byte {
	if value == nil {
		return append(appendName(line, name), "null"...)
	}
	return appendField(line, name, toUTF8(value))
}

// appendNumber appends a number field.
func appendNumber[T int | int32 | int64](line []byte, name string, value T) []byte {
	return strconv.AppendInt(appendName(line, name), int64(value), 10)
}

func appendName(line []byte, name string) []byte {
	return fmt.Appendf(line, `,"%s":`, name)
}

// appendPartition opens an object for a partition: {"topic":…,"partition":…
func appendPartition(line []byte, topic string, partition int32) []byte {
	line = recordjson.AppendString(append(line, `{"topic":`...), topic)
	return appendNumber(line, "partition", partition)
}
