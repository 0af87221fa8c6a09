package clienttools

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/clienttools/recordjson"
)

// deserializer turns bytes into the text that Java prints for what Kafka's deserializer of that name gives.
type deserializer func(dst, src []byte) ([]byte, error)

const serializationPackage = "org.apache.kafka.common.serialization."

var deserializers = map[string]deserializer{
	"StringDeserializer": func(dst, src []byte) ([]byte, error) { return append(dst, toUTF8(src)...), nil },
	// The text of a Java byte array is its address, which helps nobody: the bytes themselves are printed instead.
	"ByteArrayDeserializer": func(dst, src []byte) ([]byte, error) { return append(dst, src...), nil },
	"BytesDeserializer":     func(dst, src []byte) ([]byte, error) { return appendBytesText(dst, src), nil },
	"ByteBufferDeserializer": func(dst, src []byte) ([]byte, error) {
		return fmt.Appendf(dst, "java.nio.HeapByteBuffer[pos=0 lim=%d cap=%d]", len(src), len(src)), nil
	},
	"ShortDeserializer": sized("ShortDeserializer", 2, func(dst, src []byte) []byte {
		return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(src))), 10)
	}),
	"IntegerDeserializer": sized("IntegerDeserializer", 4, func(dst, src []byte) []byte {
		return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(src))), 10)
	}),
	"LongDeserializer": sized("LongDeserializer", 8, func(dst, src []byte) []byte {
		return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(src)), 10)
	}),
	"FloatDeserializer": sized("Deserializer", 4, func(dst, src []byte) []byte {
		return recordjson.AppendFloat(dst, math.Float32frombits(binary.BigEndian.Uint32(src)))
	}),
	"DoubleDeserializer": sized("Deserializer", 8, func(dst, src []byte) []byte {
		return recordjson.AppendDouble(dst, math.Float64frombits(binary.BigEndian.Uint64(src)))
	}),
	"BooleanDeserializer": func(dst, src []byte) ([]byte, error) {
		if len(src) != 1 {
			return dst, exceptionf(classSerialization, "Size of data received by BooleanDeserializer is not 1")
		}
		if src[0] > 1 {
			return dst, exceptionf(classSerialization, "Unexpected byte received by BooleanDeserializer: %d", int8(src[0]))
		}
		return strconv.AppendBool(dst, src[0] == 1), nil
	},
	"UUIDDeserializer": func(dst, src []byte) ([]byte, error) { return appendUUID(dst, toUTF8(src)) },
}

func sized(name string, size int, format func(dst, src []byte) []byte) deserializer {
	return func(dst, src []byte) ([]byte, error) {
		if len(src) != size {
			return dst, exceptionf(classSerialization, "Size of data received by %s is not %d", name, size)
		}
		return format(dst, src), nil
	}
}

// findDeserializer gives the deserializer of a Java class name.
func findDeserializer(class string) (deserializer, bool) {
	name, ok := strings.CutPrefix(class, serializationPackage)
	if !ok {
		return nil, false
	}
	d, ok := deserializers[name]
	return d, ok
}

// appendBytesText prints bytes as Kafka's Bytes class does: printable ASCII as it is, all else as \xNN.
func appendBytesText(dst, src []byte) []byte {
	for _, c := range src {
		if c >= ' ' && c <= '~' && c != '\\' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '\\', 'x')
		dst = append(dst, strings.ToUpper(hex.EncodeToString([]byte{c}))...)
	}
	return dst
}

// appendUUID reads the five dash-separated hexadecimal numbers of a UUID as leniently as Java does.
func appendUUID(dst []byte, text string) ([]byte, error) {
	parts := strings.Split(text, "-")
	widths := []int{8, 4, 4, 4, 12}
	if len(parts) != len(widths) {
		return dst, exceptionf(classSerialization, "Error parsing data into UUID: Invalid UUID string: %s", text)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 16, 64)
		if err != nil {
			return dst, exceptionf(classSerialization, "Error parsing data into UUID: Invalid UUID string: %s", text)
		}
		if i > 0 {
			dst = append(dst, '-')
		}
		width := widths[i]
		dst = fmt.Appendf(dst, "%0*x", width, n&(1<<(4*width)-1))
	}
	return dst, nil
}
