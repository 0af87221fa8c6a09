package golden

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// toBytes makes the content of a bytes field: a string, hex, or a list of such parts one after another.
func toBytes(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(v), nil
	case Bytes:
		return v, nil
	case []any:
		all := []byte{}
		for _, part := range v {
			b, err := toBytes(part)
			if err != nil {
				return nil, err
			}
			all = append(all, b...)
		}
		return all, nil
	}
	return nil, fmt.Errorf("%s is not bytes", format(v))
}

// fieldReader takes the fields of a function's object one by one and in the end names those that nobody knows.
type fieldReader struct {
	object *Object
	used   map[string]bool
	err    error
}

func (r *fieldReader) get(name string) (any, bool) {
	r.used[name] = true
	return r.object.Get(name)
}

func (r *fieldReader) number(name string, otherwise int64) int64 {
	v, ok := r.get(name)
	if !ok {
		return otherwise
	}
	n, ok := v.(int64)
	if !ok && r.err == nil {
		r.err = fmt.Errorf("%s cannot be %s", name, format(v))
	}
	return n
}

func (r *fieldReader) bytes(name string) []byte {
	v, _ := r.get(name)
	b, err := toBytes(v)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", name, err)
	}
	return b
}

func (r *fieldReader) list(name string) []any {
	v, ok := r.get(name)
	if !ok {
		return nil
	}
	list, isList := v.([]any)
	if !isList && r.err == nil {
		r.err = fmt.Errorf("%s is not a list: %s", name, format(v))
	}
	return list
}

func (r *fieldReader) finish() error {
	for _, f := range r.object.Fields {
		if !r.used[f.Name] && r.err == nil {
			r.err = fmt.Errorf("no field %s", f.Name)
		}
	}
	return r.err
}

var codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// buildBatch makes a record batch of format 2. Every field of the header can be given, also wrongly; what is not given is right.
//
//	batch{codec: gzip, records: [{key: "k", value: "v", timestamp: 5, headers: [{key: "h", value: "x"}]}], producerId: 1, …}
func buildBatch(o *Object) (Bytes, error) {
	r := &fieldReader{object: o, used: map[string]bool{}}
	records := r.list("records")
	codec := int64(0)
	if v, ok := r.get("codec"); ok {
		codec = -1
		for i, name := range codecs {
			if v == name {
				codec = int64(i)
			}
		}
		if codec < 0 {
			return nil, fmt.Errorf("no codec %s", format(v))
		}
	}
	baseTimestamp := r.number("baseTimestamp", 1_700_000_000_000)
	maxTimestamp := baseTimestamp
	var payload []byte
	for i, v := range records {
		ro, ok := v.(*Object)
		if !ok {
			return nil, fmt.Errorf("record %d is no object", i)
		}
		b, timestamp, err := buildRecord(ro, int64(i), baseTimestamp)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		payload = append(payload, b...)
		maxTimestamp = max(maxTimestamp, timestamp)
	}
	bits, marker, err := transactionBits(r)
	if err != nil {
		return nil, err
	}
	count := int64(len(records))
	if marker != nil {
		payload, count = marker, 1
	}
	if _, ok := r.get("payload"); ok {
		payload = r.bytes("payload")
	} else if codec > 0 {
		payload = compress(payload, int(codec))
	}
	batch := kmsg.RecordBatch{
		FirstOffset:          r.number("baseOffset", 0),
		PartitionLeaderEpoch: int32(r.number("leaderEpoch", -1)),
		Magic:                int8(r.number("magic", 2)),
		Attributes:           int16(r.number("attributes", codec|bits)),
		LastOffsetDelta:      int32(r.number("lastOffsetDelta", count-1)),
		FirstTimestamp:       baseTimestamp,
		MaxTimestamp:         r.number("maxTimestamp", maxTimestamp),
		ProducerID:           r.number("producerId", -1),
		ProducerEpoch:        int16(r.number("producerEpoch", -1)),
		FirstSequence:        int32(r.number("sequence", -1)),
		NumRecords:           int32(r.number("count", count)),
		Records:              payload,
	}
	b := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(b[8:], uint32(r.number("length", int64(len(b)-12))))
	binary.BigEndian.PutUint32(b[17:], uint32(r.number("crc", int64(crc32.Checksum(b[21:], castagnoli)))))
	if cut := r.number("cut", 0); cut > 0 {
		b = b[:len(b)-int(cut)]
	}
	return b, r.finish()
}

func buildRecord(o *Object, index, baseTimestamp int64) ([]byte, int64, error) {
	r := &fieldReader{object: o, used: map[string]bool{}}
	timestamp := r.number("timestamp", baseTimestamp+index)
	record := kmsg.Record{
		Attributes:       int8(r.number("attributes", 0)),
		TimestampDelta64: timestamp - baseTimestamp,
		OffsetDelta:      int32(r.number("offsetDelta", index)),
		Key:              r.bytes("key"),
		Value:            r.bytes("value"),
	}
	for _, h := range r.list("headers") {
		header, ok := h.(*Object)
		if !ok {
			return nil, 0, fmt.Errorf("a header is {key: …, value: …}")
		}
		hr := &fieldReader{object: header, used: map[string]bool{}}
		record.Headers = append(record.Headers, kmsg.Header{Key: string(hr.bytes("key")), Value: hr.bytes("value")})
		if err := hr.finish(); err != nil {
			return nil, 0, err
		}
	}
	body := record.AppendTo(nil)[1:] // without the one byte of a zero length
	b := binary.AppendVarint(nil, r.number("length", int64(len(body))))
	return append(b, body...), timestamp, r.finish()
}

// buildMessage makes one message of the formats 0 and 1, which brokers of the 4 line refuse.
func buildMessage(o *Object, magic int8) (Bytes, error) {
	r := &fieldReader{object: o, used: map[string]bool{}}
	body := []byte{byte(magic), byte(r.number("attributes", 0))}
	if magic == 1 {
		body = binary.BigEndian.AppendUint64(body, uint64(r.number("timestamp", 1_700_000_000_000)))
	}
	for _, part := range [][]byte{r.bytes("key"), r.bytes("value")} {
		length := int32(len(part))
		if part == nil {
			length = -1
		}
		body = binary.BigEndian.AppendUint32(body, uint32(length))
		body = append(body, part...)
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(r.number("offset", 0)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)+4))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(body))
	return append(b, body...), r.finish()
}

func compress(b []byte, codec int) []byte {
	choice := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}[codec]
	c, err := kgo.DefaultCompressor(choice)
	if err != nil {
		panic(err) // the choice is ours
	}
	out, _ := c.Compress(new(bytes.Buffer), b)
	return bytes.Clone(out)
}

// batchesTree describes what a Fetch answer carries: batches with their records, and how many bytes of a cut one follow. The length
// of a compressed batch depends on the compressor and is left out.
func batchesTree(b []byte) any {
	if b == nil {
		return nil
	}
	list := []any{}
	for len(b) > 0 {
		size := 0
		if len(b) >= 12 {
			size = 12 + int(int32(binary.BigEndian.Uint32(b[8:])))
		}
		if size < 61 || size > len(b) {
			return append(list, &Object{Fields: []Field{{Name: "CutBytes", Value: int64(len(b))}}})
		}
		list = append(list, batchTree(b[:size]))
		b = b[size:]
	}
	return list
}

func batchTree(b []byte) *Object {
	var batch kmsg.RecordBatch
	if err := batch.ReadFrom(b); err != nil {
		return &Object{Fields: []Field{{Name: "Unreadable", Value: Bytes(b)}}}
	}
	o := &Object{}
	add := func(name string, v any, otherwise any) {
		o.Fields = append(o.Fields, Field{Name: name, Value: v, Default: v == otherwise})
	}
	codec := int(batch.Attributes & 7)
	o.Fields = append(o.Fields, Field{Name: "BaseOffset", Value: batch.FirstOffset})
	if codec == 0 {
		o.Fields = append(o.Fields, Field{Name: "Length", Value: int64(batch.Length)})
	}
	add("LeaderEpoch", int64(batch.PartitionLeaderEpoch), nil)
	add("Magic", int64(batch.Magic), int64(2))
	add("CRCIsRight", uint32(batch.CRC) == crc32.Checksum(b[21:], castagnoli), true)
	if codec < len(codecs) {
		add("Codec", codecs[codec], "none")
	}
	add("Flags", int64(batch.Attributes&^7), int64(0))
	add("LastOffsetDelta", int64(batch.LastOffsetDelta), nil)
	add("BaseTimestamp", batch.FirstTimestamp, nil)
	add("MaxTimestamp", batch.MaxTimestamp, nil)
	add("ProducerID", batch.ProducerID, int64(-1))
	add("ProducerEpoch", int64(batch.ProducerEpoch), int64(-1))
	add("BaseSequence", int64(batch.FirstSequence), int64(-1))
	add("NumRecords", int64(batch.NumRecords), nil)
	add("Records", recordsTree(batch, codec), nil)
	return o
}

func recordsTree(batch kmsg.RecordBatch, codec int) any {
	payload := batch.Records
	if codec > 0 {
		var err error
		if payload, err = kgo.DefaultDecompressor().Decompress(payload, kgo.CompressionCodecType(codec)); err != nil {
			return "cannot be decompressed"
		}
	}
	var list []any
	for len(payload) > 0 {
		length, n := binary.Varint(payload)
		var record kmsg.Record
		if n <= 0 || length < 0 || int64(n)+length > int64(len(payload)) || record.ReadFrom(payload[:int64(n)+length]) != nil {
			return append(list, "unreadable from here")
		}
		payload = payload[int64(n)+length:]
		tree := recordTree(record)
		if batch.Attributes&controlBit != 0 {
			tree = controlTree(record, tree)
		}
		if batch.Attributes&horizonBit != 0 { // the times lie relative to the moment of cleaning
			tree.Fields[1] = Field{Name: "At", Value: batch.FirstTimestamp + record.TimestampDelta64}
		}
		list = append(list, tree)
	}
	return list
}

func recordTree(record kmsg.Record) *Object {
	o := &Object{Fields: []Field{
		{Name: "Offset", Value: int64(record.OffsetDelta)},
		{Name: "Timestamp", Value: record.TimestampDelta64},
		{Name: "Key", Value: blob(record.Key), Default: record.Key == nil},
		{Name: "Value", Value: blob(record.Value)},
		{Name: "Attributes", Value: int64(record.Attributes), Default: record.Attributes == 0},
	}}
	var headers []any // a list: the same key may stand twice
	for _, h := range record.Headers {
		headers = append(headers, &Object{Fields: []Field{{Name: "Key", Value: h.Key}, {Name: "Value", Value: blob(h.Value)}}})
	}
	o.Fields = append(o.Fields, Field{Name: "Headers", Value: headers, Default: headers == nil})
	return o
}

// blob shortens what is long and says what was left out, so that a changed byte still shows.
func blob(b []byte) any {
	if b == nil {
		return nil
	}
	if len(b) > 200 {
		return fmt.Sprintf("%d bytes, crc %08x", len(b), crc32.Checksum(b, castagnoli))
	}
	return Bytes(b)
}

// evaluateCall runs a function of the language on evaluated arguments.
func evaluateCall(name string, args []any) (any, error) {
	object := func() *Object {
		if len(args) == 1 {
			if o, ok := args[0].(*Object); ok {
				return o
			}
		}
		return &Object{Fields: []Field{{Name: name + " wants an object"}}} // named by the reader as unknown
	}
	switch name {
	case "batch":
		return buildBatch(object())
	case "message0", "message1":
		return buildMessage(object(), int8(name[len(name)-1]-'0'))
	case "subscription":
		m := kmsg.NewConsumerMemberMetadata()
		return fillBytes(&m, object())
	case "assignment":
		m := kmsg.NewConsumerMemberAssignment()
		return fillBytes(&m, object())
	case "i8", "i16", "i32", "i64":
		return fixedInt(name, args)
	case "repeat":
		if len(args) == 2 {
			text, isText := args[0].(string)
			count, isCount := args[1].(int64)
			if isText && isCount && count >= 0 && count < 1<<26 {
				return strings.Repeat(text, int(count)), nil
			}
		}
		return nil, fmt.Errorf(`want repeat("text", count)`)
	case "add":
		if len(args) == 2 {
			a, isA := args[0].(int64)
			b, isB := args[1].(int64)
			if isA && isB {
				return a + b, nil
			}
		}
		return nil, fmt.Errorf("want add(number, number)")
	}
	return nil, fmt.Errorf("no function %s", name)
}

func fillBytes(m interface{ AppendTo([]byte) []byte }, o *Object) (Bytes, error) {
	if err := fill(m, o); err != nil {
		return nil, err
	}
	return m.AppendTo(nil), nil
}

func fixedInt(name string, args []any) (any, error) {
	if len(args) == 1 {
		if n, ok := args[0].(int64); ok {
			size := map[string]int{"i8": 1, "i16": 2, "i32": 4, "i64": 8}[name]
			return Bytes(binary.BigEndian.AppendUint64(nil, uint64(n))[8-size:]), nil
		}
	}
	return nil, fmt.Errorf("want %s(number)", name)
}
