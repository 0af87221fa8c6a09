package golden

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func mustParse(t *testing.T, text string) any {
	t.Helper()
	p, err := newParser(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.value()
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestValuesReadBackAsTheyAreWritten(t *testing.T) {
	for _, text := range []string{
		`null`, `true`, `-5`, `1700000000000`, `NOT_LEADER_OR_FOLLOWER`, `"a b"`, `""`, `"\"quoted\"\n"`, `"null"`, `"<now>"`,
		`[]`, `{}`, `[1, "x", [], {A: 1}]`, `{A: {B: [1, 2]}, "odd name": "x"}`, `hex"00ff"`,
	} {
		v := mustParse(t, text)
		if got := format(v); got != text {
			t.Errorf("%s was written as %s", text, got)
		}
		if got := format(mustParse(t, formatBlock(v))); got != text {
			t.Errorf("%s as a block was read as %s", text, got)
		}
	}
	long := &Object{Fields: []Field{{Name: "List", Value: []any{strings.Repeat("x", 200), &Object{Fields: []Field{{Name: "F", Value: int64(1)}}}}}}}
	if block := formatBlock(long); strings.Count(block, "\n") < 3 || format(mustParse(t, block)) != format(long) {
		t.Errorf("a long value: %s", block)
	}
}

func TestMistakesInScriptsAreNamedWithTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		``:                                    "about",
		"about \"x\"\nmetadata v1 {}":         `line 2: no statement "metadata"`,
		"about \"x\"\nMetadata {}":            "line 2: want a version",
		"about \"x\"\nMetadata v1 { Topics: ": "want a value",
		"about \"x\"\nMetadata v1 { A: 1, A: 2 }":   "stands twice",
		"about \"x\"\nMetadata v1 {} until A":       "want == or !=",
		"about \"x\"\nraw [hex\"0g\"]":              "bad hex",
		"about \"x\"\nMetadata v1 { A: \"open":      "without its end",
		"about \"x\"\nMetadata v1 { A: ; }":         `unexpected ";"`,
		"about \"x\"\nfor v in 0..3 { Metadata v$v": "want a name, found the end",
	} {
		_, err := parseScript("x", text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestPathsFindPartsOfAnswers(t *testing.T) {
	tree := mustParse(t, `{Topics: [{Name: "a", Codes: [1, 2]}, {Name: "b", Codes: [3]}]}`)
	for text, want := range map[string]string{
		`Topics[0].Name`: `"a"`, `Topics[1].Codes[0]`: `3`, `Topics[Name=="b"].Codes`: `[3]`,
	} {
		p, _ := newParser(text)
		at, err := p.path()
		if err != nil {
			t.Fatal(err)
		}
		got, err := lookup(tree, at)
		if err != nil || format(got) != want {
			t.Errorf("%s is %s, %v; want %s", text, format(got), err, want)
		}
	}
	for _, text := range []string{`Topics[2]`, `Topics[Name=="c"]`, `Nothing`, `Topics.Name`} {
		p, _ := newParser(text)
		at, _ := p.path()
		if v, err := lookup(tree, at); err == nil {
			t.Errorf("%s is %s", text, format(v))
		}
	}
	p, _ := newParser(`Topics[].Codes`)
	at, _ := p.path()
	replaceAt(tree, at, func(any) any { return "<any>" })
	if got := format(tree); got != `{Topics: [{Name: "a", Codes: "<any>"}, {Name: "b", Codes: "<any>"}]}` {
		t.Error(got)
	}
}

// The batch that the language makes is compared with one written out by hand from the format's description.
func TestBatchIsTheFormatsBytes(t *testing.T) {
	call := mustParse(t, `batch{ baseTimestamp: 1000, records: [{ key: "k", value: "v", timestamp: 1003, headers: [{ key: "h", value: null }] }], producerId: 7, producerEpoch: 1, sequence: 3 }`).(*Call)
	got, err := evaluateCall(call.Name, call.Args)
	if err != nil {
		t.Fatal(err)
	}
	record := []byte{0, 3 << 1, 0, 1 << 1, 'k', 1 << 1, 'v', 1 << 1, 1 << 1, 'h', 1}
	var body []byte
	body = append(body, 0, 0)                                    // attributes
	body = append(body, 0, 0, 0, 0)                              // last offset delta
	body = binary.BigEndian.AppendUint64(body, 1000)             // base timestamp
	body = binary.BigEndian.AppendUint64(body, 1003)             // max timestamp
	body = binary.BigEndian.AppendUint64(body, 7)                // producer id
	body = append(body, 0, 1, 0, 0, 0, 3, 0, 0, 0, 1)            // epoch, base sequence, count
	body = append(append(body, byte(len(record)<<1)), record...) // varint length
	want := make([]byte, 8)
	want = binary.BigEndian.AppendUint32(want, uint32(9+len(body)))
	want = append(want, 0xff, 0xff, 0xff, 0xff, 2)
	want = binary.BigEndian.AppendUint32(want, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	want = append(want, body...)
	if !bytes.Equal(got.(Bytes), want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestBatchesAreDescribedWithTheirRecords(t *testing.T) {
	for _, codec := range codecs {
		call := mustParse(t, `batch{ codec: `+codec+`, records: [{ key: "k", value: "v" }, { value: null, headers: [{ key: "h", value: "x" }] }] }`).(*Call)
		b, err := evaluateCall(call.Name, call.Args)
		if err != nil {
			t.Fatal(err)
		}
		tree := format(strip(batchesTree(append(b.(Bytes), 1, 2, 3))))
		for _, want := range []string{`Key: "k", Value: "v"`, `Value: null, Headers: [{Key: "h", Value: "x"}]`, `{CutBytes: 3}`} {
			if !strings.Contains(tree, want) {
				t.Errorf("%s: %s is not in %s", codec, want, tree)
			}
		}
		if strings.Contains(tree, "CRCIsRight") {
			t.Errorf("%s: the checksum counts as wrong: %s", codec, tree)
		}
		b.(Bytes)[40] ^= 1
		if !strings.Contains(format(strip(batchesTree(b.(Bytes)))), "CRCIsRight: false") {
			t.Errorf("%s: a changed byte is not seen", codec)
		}
	}
}

func TestFunctionsRefuseWhatTheyDoNotKnow(t *testing.T) {
	for text, want := range map[string]string{
		`batch{ record: [] }`:               "no field record",
		`batch{ codec: "brotli" }`:          "no codec",
		`batch{ records: [{ vaule: "x" }]}`: "no field vaule",
		`subscription{ Topic: ["x"] }`:      "no field Topic",
		`repeat("x")`:                       "want repeat",
		`nothing(1)`:                        "no function",
	} {
		call := mustParse(t, text).(*Call)
		p := &player{variables: map[string]any{}}
		if _, err := p.evaluate(call); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestTransactionalAndControlBatches(t *testing.T) {
	build := func(text string) kmsg.RecordBatch {
		t.Helper()
		call := mustParse(t, text).(*Call)
		v, err := evaluateCall(call.Name, call.Args)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var b kmsg.RecordBatch
		if err := b.ReadFrom(v.(Bytes)); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return b
	}
	if b := build(`batch{ codec: gzip, transactional: true, records: [{ value: "v" }] }`); b.Attributes != 1|transactionalBit || b.NumRecords != 1 {
		t.Errorf("attributes %d, %d records", b.Attributes, b.NumRecords)
	}
	if b := build(`batch{ transactional: false, records: [{ value: "v" }] }`); b.Attributes != 0 {
		t.Errorf("attributes %d of a plain batch", b.Attributes)
	}
	for text, key := range map[string]string{"abort": "\x00\x00\x00\x00", "commit": "\x00\x00\x00\x01", "5": "\x00\x00\x00\x05"} {
		b := build(`batch{ transactional: true, control: ` + text + `, coordinatorEpoch: 7 }`)
		if b.Attributes != transactionalBit|controlBit || b.NumRecords != 1 || b.LastOffsetDelta != 0 {
			t.Errorf("%s: attributes %d, %d records to offset %d", text, b.Attributes, b.NumRecords, b.LastOffsetDelta)
		}
		if want := key + "\x0c\x00\x00\x00\x00\x00\x07"; !bytes.Contains(b.Records, []byte(want)) {
			t.Errorf("%s: the record is % x", text, b.Records)
		}
	}
	for _, bad := range []string{`batch{ transactional: 1 }`, `batch{ control: maybe }`} {
		call := mustParse(t, bad).(*Call)
		if _, err := evaluateCall(call.Name, call.Args); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestHeadOfAScript(t *testing.T) {
	s, err := parseScript("x/y", "about \"x\"\nfeatures { \"transaction.version\": 1, \"group.version\": 0 }\nMetadata v1")
	if err != nil {
		t.Fatal(err)
	}
	if s.Own || s.levels() != "map[group.version:0 transaction.version:1]" {
		t.Errorf("own broker %v, levels %s", s.Own, s.levels())
	}
	for _, bad := range []string{`"1"`, "-1", "40000"} {
		if _, err := parseScript("x/y", "about \"x\"\nfeatures { \"f\": "+bad+" }"); err == nil {
			t.Errorf("the level %s is taken", bad)
		}
	}
}

func TestWhichScriptsNeedATransactionCoordinator(t *testing.T) {
	for text, want := range map[string]bool{
		"Metadata v1":          false,
		"InitProducerId v5 {}": false,
		"for v in 0..1 { define x { EndTxn v1 {} } }":   true,
		"InitProducerId v5 { TransactionalID: \"a\" }":  true,
		"InitProducerId v5 { TransactionalID: \"\" }":   false,
		"define x { DescribeTransactions v0 {} }\ndo x": true,
		"WriteTxnMarkers v1 {}\nProduce v9 { Acks: 1 }": false,
	} {
		s, err := parseScript("x", "about \"x\"\n"+text)
		if err != nil {
			t.Fatal(err)
		}
		if s.usesTransactions() != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}
