package clienttools

import (
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/kafkatools/clienttools/recordjson"
)

// formatter appends the text of one record.
type formatter interface {
	format(dst []byte, record *kgo.Record) ([]byte, error)
}

const (
	formatterPackage = "org.apache.kafka.tools.consumer."
	defaultFormatter = formatterPackage + "DefaultMessageFormatter"
)

// newFormatter gives the formatter of a Java class name; false when there is none of that name.
func newFormatter(class string, properties map[string]string, log *logger) (formatter, bool) {
	name, ok := strings.CutPrefix(class, formatterPackage)
	if !ok {
		return nil, false
	}
	switch name {
	case "DefaultMessageFormatter":
		return newTextFormatter(properties, log), true
	case "LoggingMessageFormatter":
		return loggingFormatter{newTextFormatter(properties, log), log}, true
	case "NoOpMessageFormatter":
		return noFormatter{}, true
	case "OffsetsMessageFormatter":
		return coordinatorFormatter{recordjson.Group(), []int16{0, 1}}, true
	case "GroupMetadataMessageFormatter":
		return coordinatorFormatter{recordjson.Group(), []int16{2}}, true
	case "ShareGroupMessageFormatter":
		return coordinatorFormatter{recordjson.Group(), []int16{10, 11, 12, 13, 14, 15}}, true
	case "TransactionLogMessageFormatter":
		return coordinatorFormatter{recordjson.Transaction(), nil}, true
	case "group.share.ShareGroupStateMessageFormatter":
		return coordinatorFormatter{recordjson.Share(), nil}, true
	}
	return nil, false
}

// textFormatter prints the parts of a record that its print.… settings name, with separators between them.
type textFormatter struct {
	timestamp, partition, offset, delivery, epoch, headers, key, value bool

	keySeparator, lineSeparator, headersSeparator, nullLiteral string

	keyText, valueText, headerText deserializer // nil prints the bytes as they are
}

func newTextFormatter(properties map[string]string, log *logger) *textFormatter {
	flag := func(name string, def bool) bool {
		if v, ok := properties[name]; ok {
			return strings.EqualFold(strings.TrimSpace(v), "true")
		}
		return def
	}
	text := func(name, def string) string {
		if v, ok := properties[name]; ok {
			return v
		}
		return def
	}
	decode := func(name string) deserializer {
		class, ok := properties[name]
		if !ok {
			return nil
		}
		d, ok := findDeserializer(class)
		if !ok {
			log.log("ERROR", defaultFormatter, "Unable to instantiate a deserializer from "+class,
				exceptionf(classNotFound, "%s", class))
		}
		return d
	}
	return &textFormatter{
		timestamp:        flag("print.timestamp", false),
		partition:        flag("print.partition", false),
		offset:           flag("print.offset", false),
		delivery:         flag("print.delivery", false),
		epoch:            flag("print.epoch", false),
		headers:          flag("print.headers", false),
		key:              flag("print.key", false),
		value:            flag("print.value", true),
		keySeparator:     text("key.separator", "\t"),
		lineSeparator:    text("line.separator", "\n"),
		headersSeparator: text("headers.separator", ","),
		nullLiteral:      text("null.literal", "null"),
		keyText:          decode("key.deserializer"),
		valueText:        decode("value.deserializer"),
		headerText:       decode("headers.deserializer"),
	}
}

// format prints the parts in Kafka's order. A part is followed by the key separator, or by the line separator when no part
// comes after it.
func (f *textFormatter) format(dst []byte, r *kgo.Record) (_ []byte, err error) {
	separate := func(more bool) {
		if more {
			dst = append(dst, f.keySeparator...)
		} else {
			dst = append(dst, f.lineSeparator...)
		}
	}
	afterHeaders := f.key || f.value
	afterEpoch := f.headers || afterHeaders
	afterDelivery := f.epoch || afterEpoch
	afterOffset := f.delivery || afterDelivery
	afterPartition := f.offset || afterOffset
	if f.timestamp {
		dst = appendTimestamp(dst, r)
		separate(f.partition || afterPartition)
	}
	if f.partition {
		dst = strconv.AppendInt(append(dst, "Partition:"...), int64(r.Partition), 10)
		separate(afterPartition)
	}
	if f.offset {
		dst = strconv.AppendInt(append(dst, "Offset:"...), r.Offset, 10)
		separate(afterOffset)
	}
	// Apache's console consumer hands the formatter records without delivery count and leader epoch.
	if f.delivery {
		dst = append(dst, "Delivery:NOT_PRESENT"...)
		separate(afterDelivery)
	}
	if f.epoch {
		dst = append(dst, "Epoch:NOT_PRESENT"...)
		separate(afterEpoch)
	}
	if f.headers {
		if dst, err = f.appendHeaders(dst, r); err != nil {
			return dst, err
		}
		separate(afterHeaders)
	}
	if f.key {
		if dst, err = f.appendField(dst, r.Key, f.keyText); err != nil {
			return dst, err
		}
		separate(f.value)
	}
	if f.value {
		if dst, err = f.appendField(dst, r.Value, f.valueText); err != nil {
			return dst, err
		}
		dst = append(dst, f.lineSeparator...)
	}
	return dst, nil
}

func (f *textFormatter) appendHeaders(dst []byte, r *kgo.Record) (_ []byte, err error) {
	if len(r.Headers) == 0 {
		return append(dst, "NO_HEADERS"...), nil
	}
	for i, h := range r.Headers {
		if i > 0 {
			dst = append(dst, f.headersSeparator...)
		}
		dst = append(append(dst, h.Key...), ':')
		if dst, err = f.appendField(dst, h.Value, f.headerText); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// appendField prints a key, value or header. Java's formatter gives the null literal to the deserializer too.
func (f *textFormatter) appendField(dst, src []byte, decode deserializer) ([]byte, error) {
	switch {
	case decode == nil && src == nil:
		return append(dst, f.nullLiteral...), nil
	case decode == nil:
		return append(dst, src...), nil
	case src == nil:
		src = []byte(f.nullLiteral)
	}
	return decode(dst, src)
}

func appendTimestamp(dst []byte, r *kgo.Record) []byte {
	switch r.Attrs.TimestampType() {
	case 0:
		dst = append(dst, "CreateTime:"...)
	case 1:
		dst = append(dst, "LogAppendTime:"...)
	default:
		return append(dst, "NO_TIMESTAMP"...)
	}
	return strconv.AppendInt(dst, r.Timestamp.UnixMilli(), 10)
}

// loggingFormatter prints like the default and also logs each record.
type loggingFormatter struct {
	*textFormatter
	log *logger
}

func (f loggingFormatter) format(dst []byte, r *kgo.Record) ([]byte, error) {
	dst, err := f.textFormatter.format(dst, r)
	if err != nil {
		return dst, err
	}
	var entry []byte
	if r.Attrs.TimestampType() >= 0 {
		entry = append(appendTimestamp(entry, r), ", "...)
	}
	if r.Key == nil {
		entry = append(entry, "key:null "...)
	} else {
		entry = append(append(append(entry, "key:"...), r.Key...), ", "...)
	}
	if r.Value == nil {
		entry = append(entry, "value:null"...)
	} else {
		entry = append(append(entry, "value:"...), r.Value...)
	}
	f.log.log("INFO", formatterPackage+"LoggingMessageFormatter", string(entry), nil)
	return dst, nil
}

// noFormatter prints nothing, for measuring.
type noFormatter struct{}

func (noFormatter) format(dst []byte, _ *kgo.Record) ([]byte, error) { return dst, nil }

// coordinatorFormatter prints records of an internal topic as JSON, without a line's end, as Kafka does.
type coordinatorFormatter struct {
	coordinator *recordjson.Coordinator
	types       []int16
}

func (f coordinatorFormatter) format(dst []byte, r *kgo.Record) ([]byte, error) {
	if r.Key == nil {
		return dst, nil
	}
	out, err := f.coordinator.AppendFormatted(dst, r.Key, r.Value, f.types...)
	if err != nil {
		return dst, exceptionf(classRuntime, "Could not read record at offset %d due to: %v", r.Offset, err)
	}
	return out, nil
}
