package record

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestReader(t *testing.T) {
	for _, c := range allCodecs {
		want := append(samples(), rec("long", string(text(1, 100_000))), rec("after", "x"))
		r, err := NewReader(build(t, c, want...), 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []Record
		var one Record
		for {
			if err = r.Next(&one); err != nil {
				break
			}
			if int(one.OffsetDelta) != len(got) {
				t.Errorf("%s: offset delta %d of record %d", c, one.OffsetDelta, len(got))
			}
			got = append(got, one.Clone())
		}
		if err != io.EOF || recordsText(got) != recordsText(want) {
			t.Errorf("%s: %v, %.300s", c, err, recordsText(got))
		}
		if err := r.Next(&one); err != io.EOF {
			t.Errorf("%s: after the end: %v", c, err)
		}
		r.Close()
		r.Close()
	}
}

// TestReaderTimestamps: under LogAppendTime every record has the batch's time, whatever its delta.
func TestReaderTimestamps(t *testing.T) {
	b := NewBuilder(CodecNone)
	b.LogAppendTimeMs = 77
	records, err := buildWith(t, b, Record{Timestamp: 5}, Record{Timestamp: 6}).Records(0)
	if err != nil || records[0].Timestamp != 77 || records[1].Timestamp != 77 {
		t.Errorf("%v, %+v", err, records)
	}
}

// TestReaderOfEmptied reads what the cleaner leaves of a batch whose last record it removed.
func TestReaderOfEmptied(t *testing.T) {
	for _, c := range allCodecs {
		b := append(Batch{}, build(t, c, rec("a", "b"))[:HeaderSize]...).sealed().with(posNumRecords, int32(0))
		if records, err := b.Records(0); err != nil || len(records) != 0 {
			t.Errorf("%s: %v, %v", c, records, err)
		}
	}
}

// TestReaderRefuses: whatever the structure, a Reader ends with the same error as the validation.
func TestReaderRefuses(t *testing.T) {
	for _, s := range structureShapes(t) {
		if s.kind == 0 || strings.HasPrefix(s.name, "delta") {
			continue
		}
		if _, err := Batch(s.bytes).Records(0); kindOf(err) != s.kind {
			t.Errorf("%s: %v, want %s", s.name, err, s.kind)
		}
	}
	if _, err := build(t, CodecNone, rec("a", "b")).with(posNumRecords, int32(-1)).Records(0); kindOf(err) != KindInvalidRecord {
		t.Errorf("negative number of records: %v", err)
	}
	if _, err := build(t, CodecNone, rec("a", "b")).with(posNumRecords, int32(0)).Records(0); kindOf(err) != KindInvalidRecord {
		t.Errorf("records behind the last: %v", err)
	}
	if _, err := build(t, CodecNone, rec("a", "b")).with(posAttributes, int16(6)).Records(0); kindOf(err) != KindUnknownCodec {
		t.Errorf("codec 6: %v", err)
	}
}

// TestReaderHeadersAreReused: only what the record has is in its headers, after one that had more.
func TestReaderHeadersAreReused(t *testing.T) {
	r, err := NewReader(build(t, CodecNone, rec("a", "1", Header{"x", []byte("1")}, Header{"y", nil}), rec("b", "2", Header{"z", []byte{}})), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var one Record
	for range 2 {
		if err := r.Next(&one); err != nil {
			t.Fatal(err)
		}
	}
	if len(one.Headers) != 1 || one.Headers[0].Key != "z" || one.Headers[0].Value == nil {
		t.Errorf("%+v", one.Headers)
	}
}

func TestClone(t *testing.T) {
	r := rec("k", "v", Header{"h", []byte("1")})
	c := r.Clone()
	r.Key[0], r.Value[0], r.Headers[0].Value[0] = 'x', 'x', 'x'
	if !bytes.Equal(c.Key, []byte("k")) || !bytes.Equal(c.Value, []byte("v")) || string(c.Headers[0].Value) != "1" {
		t.Errorf("%+v", c)
	}
}
