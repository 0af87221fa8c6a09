package clienttools

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func formatOne(t *testing.T, class string, r *kgo.Record, properties ...string) (text, logged string, err error) {
	t.Helper()
	var stderr bytes.Buffer
	f, ok := newFormatter(class, keyValues(properties), newLogger(&stderr))
	if !ok {
		t.Fatalf("no formatter %s", class)
	}
	out, err := f.format(nil, r)
	return string(out), stderr.String(), err
}

func TestDefaultFormatter(t *testing.T) {
	full := &kgo.Record{
		Key: []byte("k"), Value: []byte("v"), Topic: "t", Partition: 3, Offset: 42, Timestamp: time.UnixMilli(1700000000123),
		Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b"}},
	}
	bare := &kgo.Record{Timestamp: time.UnixMilli(5)}
	const everything = "print.timestamp=true print.partition=true print.offset=true print.delivery=true print.epoch=true print.headers=true print.key=true"
	cases := []struct {
		name       string
		record     *kgo.Record
		properties string
		want       string
	}{
		{"value alone", full, "", "v\n"},
		{"no value", bare, "", "null\n"},
		{"everything", full, everything, "CreateTime:1700000000123\tPartition:3\tOffset:42\tDelivery:NOT_PRESENT\tEpoch:NOT_PRESENT\ta:1,b:null\tk\tv\n"},
		{"everything of nothing", bare, everything, "CreateTime:5\tPartition:0\tOffset:0\tDelivery:NOT_PRESENT\tEpoch:NOT_PRESENT\tNO_HEADERS\tnull\tnull\n"},
		{"the last part ends the line", full, "print.key=true print.value=false", "k\n"},
		{"offset alone", full, "print.offset=true print.value=false", "Offset:42\n"},
		{"nothing at all", full, "print.value=false", ""},
		{"separators", full, "print.key=true print.headers=true key.separator=| line.separator=; headers.separator=+ null.literal=nil", "a:1+b:nil|k|v;"},
		{"truth is one word", full, "print.key=1", "v\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, logged, err := formatOne(t, defaultFormatter, c.record, strings.Fields(c.properties)...)
			if got != c.want || err != nil || logged != "" {
				t.Errorf("%q, want %q (%v, %s)", got, c.want, err, logged)
			}
		})
	}
}

func TestDeserializers(t *testing.T) {
	cases := []struct {
		class string
		value []byte
		want  string
	}{
		{"String", []byte("é\xff"), "é\uFFFD"},
		{"Long", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}, "-2"},
		{"Integer", []byte{0, 0, 1, 0}, "256"},
		{"Short", []byte{0x80, 0}, "-32768"},
		{"Double", []byte{0x3f, 0xf8, 0, 0, 0, 0, 0, 0}, "1.5"},
		{"Float", []byte{0x3d, 0xcc, 0xcc, 0xcd}, "0.1"},
		{"Bytes", []byte("a\\\x01 ~\xff"), `a\x5C\x01 ~\xFF`},
		{"ByteArray", []byte{1, 2}, "\x01\x02"},
		{"ByteBuffer", []byte{1, 2}, "java.nio.HeapByteBuffer[pos=0 lim=2 cap=2]"},
		{"Boolean", []byte{1}, "true"},
		{"UUID", []byte("1-2-3-4-5"), "00000001-0002-0003-0004-000000000005"},
		{"Long", []byte("short"), "error: org.apache.kafka.common.errors.SerializationException: Size of data received by LongDeserializer is not 8"},
		{"Long", nil, "error: org.apache.kafka.common.errors.SerializationException: Size of data received by LongDeserializer is not 8"},
		{"Boolean", []byte{2}, "error: org.apache.kafka.common.errors.SerializationException: Unexpected byte received by BooleanDeserializer: 2"},
		{"UUID", []byte("x"), "error: org.apache.kafka.common.errors.SerializationException: Error parsing data into UUID: Invalid UUID string: x"},
	}
	for _, c := range cases {
		class := "value.deserializer=org.apache.kafka.common.serialization." + c.class + "Deserializer"
		got, _, err := formatOne(t, defaultFormatter, &kgo.Record{Value: c.value}, class, "line.separator=")
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("%s of %q: %q, want %q", c.class, c.value, got, c.want)
		}
	}
}

func TestUnknownDeserializerIsToldAndLeftOut(t *testing.T) {
	got, logged, err := formatOne(t, defaultFormatter, &kgo.Record{Value: []byte("v")}, "value.deserializer=my.Own")
	if got != "v\n" || err != nil || !strings.Contains(logged, "Unable to instantiate a deserializer from my.Own") {
		t.Errorf("%q, %v, %s", got, err, logged)
	}
}

func TestOtherFormatters(t *testing.T) {
	record := &kgo.Record{Key: []byte("k"), Value: []byte("v"), Timestamp: time.UnixMilli(7)}
	if got, _, _ := formatOne(t, formatterPackage+"NoOpMessageFormatter", record); got != "" {
		t.Errorf("NoOp printed %q", got)
	}
	got, logged, _ := formatOne(t, formatterPackage+"LoggingMessageFormatter", record)
	if got != "v\n" || !strings.Contains(logged, "INFO CreateTime:7, key:k, value:v (") {
		t.Errorf("Logging printed %q and logged %q", got, logged)
	}
	commit := &kgo.Record{Key: []byte{0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 9}}
	got, _, err := formatOne(t, formatterPackage+"OffsetsMessageFormatter", commit)
	if want := `{"key":{"type":1,"data":{"group":"g","topic":"t","partition":9}},"value":null}`; got != want || err != nil {
		t.Errorf("Offsets printed %s, %v", got, err)
	}
	if got, _, err := formatOne(t, formatterPackage+"GroupMetadataMessageFormatter", commit); got != "" || err != nil {
		t.Errorf("GroupMetadata printed %s, %v", got, err)
	}
	broken := &kgo.Record{Key: []byte{0, 1, 0}, Offset: 8}
	if _, _, err := formatOne(t, formatterPackage+"OffsetsMessageFormatter", broken); err == nil || !strings.Contains(err.Error(), "Could not read record at offset 8") {
		t.Errorf("a broken record: %v", err)
	}
	if _, ok := newFormatter("kafka.tools.DefaultMessageFormatter", nil, nil); ok {
		t.Error("a name of Kafka 3 was accepted")
	}
}

func TestFormattingAllocatesNothing(t *testing.T) {
	var stderr bytes.Buffer
	f, _ := newFormatter(defaultFormatter, keyValues([]string{"print.key=true", "print.timestamp=true", "print.headers=true"}), newLogger(&stderr))
	r := &kgo.Record{Key: []byte("k"), Value: []byte("v"), Timestamp: time.UnixMilli(7), Headers: []kgo.RecordHeader{{Key: "a"}}}
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { buf, _ = f.format(buf[:0], r) }); n > 0 {
		t.Errorf("%v allocations per record", n)
	}
}
