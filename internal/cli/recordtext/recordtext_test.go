package recordtext

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

var example = &kgo.Record{
	Topic: "orders", Partition: 3, Offset: 42, Timestamp: time.UnixMilli(1500000000123), Key: []byte("k"), Value: []byte("va lue"),
	Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b"}},
}

func TestFormat(t *testing.T) {
	for format, want := range map[string]string{
		"":                  "",
		"%v":                "va lue",
		`%t-%p@%o %k=%s\n`:  "orders-3@42 k=va lue\n",
		`%T %D`:             "1500000000123 2017-07-14T02:40:00.123Z",
		`%K %V %S %h`:       "1 6 6 a=1,b=",
		`100%%\t\x41\\\0\r`: "100%\tA\\\x00\r",
		"%v%v":              "va lueva lue",
	} {
		f, err := NewFormat(format)
		if err != nil {
			t.Errorf("%q: %v", format, err)
			continue
		}
		if got := string(f.Append([]byte("before "), example)); got != "before "+want {
			t.Errorf("%q: %q, want %q", format, got, want)
		}
	}
	f, err := NewFormat("%k%v%K%V")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(f.Append(nil, &kgo.Record{})); got != "-1-1" {
		t.Errorf("none: %q", got)
	}
}

func TestFormatsThatMeanNothing(t *testing.T) {
	for _, format := range []string{"%", `\`, "%q", `\q`, `\x`, `\xZZ`, `\x1`, "%v%"} {
		if _, err := NewFormat(format); err == nil {
			t.Errorf("%q is taken", format)
		}
	}
	for _, format := range []string{"", "text", "%k%v", "%v %v", "%t %v", "%o", "%D", "%"} {
		if _, err := NewParser(format); err == nil {
			t.Errorf("%q is taken for reading", format)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		format, line string
		want         kgo.Record
	}{
		{"%v", "", kgo.Record{Value: []byte{}}},
		{"%v", "a b", kgo.Record{Value: []byte("a b")}},
		{`%v\n`, "a", kgo.Record{Value: []byte("a")}},
		{"%k %v", "key and the rest", kgo.Record{Key: []byte("key"), Value: []byte("and the rest")}},
		{`%k\t%s`, "\tv", kgo.Record{Key: []byte{}, Value: []byte("v")}},
		{"[%p] %T: %v;", "[2] 5: x;", kgo.Record{Partition: 2, Timestamp: time.UnixMilli(5), Value: []byte("x")}},
		{"%h %v", "a=1,b= x", kgo.Record{Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte{}}}, Value: []byte("x")}},
		{"%h %v", " x", kgo.Record{Value: []byte("x")}},
	} {
		p, err := NewParser(tc.format)
		if err != nil {
			t.Errorf("%q: %v", tc.format, err)
			continue
		}
		var got kgo.Record
		if err := p.Parse([]byte(tc.line), &got); err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%q %q: %+v %v", tc.format, tc.line, got, err)
		}
		if p.HasPartition() != strings.Contains(tc.format, "%p") {
			t.Errorf("%q: HasPartition is %v", tc.format, p.HasPartition())
		}
	}
}

func TestLinesThatDoNotFit(t *testing.T) {
	for _, tc := range []struct{ format, line, want string }{
		{"%k %v", "one", `no " " after %k`},
		{"[%v]", "x]", `does not start with "["`},
		{"[%v]", "[x", `no "]" after %v`},
		{"[%v]", "[x] more", `" more" is left over`},
		{"%p %v", "x v", "no partition"},
		{"%p %v", "-1 v", "no partition"},
		{"%p %v", "3000000000 v", "no partition"},
		{"%T %v", "now v", "no timestamp"},
		{"%h %v", "a v", "no header"},
		{"%h %v", "=1 v", "no header"},
	} {
		p, err := NewParser(tc.format)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Parse([]byte(tc.line), &kgo.Record{}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q %q: %v, want %q", tc.format, tc.line, err, tc.want)
		}
	}
}

// TestParsingWhatWasFormatted: what a format wrote, the same format reads back.
func TestParsingWhatWasFormatted(t *testing.T) {
	f, err := NewFormat(`%p|%T|%k|%v`)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewParser(`%p|%T|%k|%v`)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		want := kgo.Record{
			Partition: rapid.Int32Min(0).Draw(t, "partition"), Timestamp: time.UnixMilli(rapid.Int64Range(0, 1<<50).Draw(t, "time")),
			Key: []byte(rapid.StringMatching(`[^|]*`).Draw(t, "key")), Value: rapid.SliceOf(rapid.Byte()).Draw(t, "value"),
		}
		var got kgo.Record
		if err := p.Parse(f.Append(nil, &want), &got); err != nil || string(got.Key) != string(want.Key) || string(got.Value) != string(want.Value) ||
			got.Partition != want.Partition || !got.Timestamp.Equal(want.Timestamp) {
			t.Fatalf("%+v became %+v: %v", want, got, err)
		}
	})
}

// TestJSONKeepsEverything: a record that goes through JSON comes back with the same bytes, none, empty or not text alike.
func TestJSONKeepsEverything(t *testing.T) {
	maybe := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }))
	rapid.Check(t, func(t *rapid.T) {
		want := kgo.Record{Partition: rapid.Int32Min(0).Draw(t, "partition"), Timestamp: time.UnixMilli(rapid.Int64Range(0, 1<<50).Draw(t, "time")),
			Key: maybe.Draw(t, "key"), Value: maybe.Draw(t, "value")}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			want.Headers = append(want.Headers, kgo.RecordHeader{Key: rapid.String().Draw(t, "name"), Value: maybe.Draw(t, "header")})
		}
		line, err := json.Marshal(ToJSON(&want))
		if err != nil {
			t.Fatal(err)
		}
		var got kgo.Record
		if err := ParseJSON(line, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %+v, want %+v: %v", line, got, want, err)
		}
	})
}

func TestParseJSON(t *testing.T) {
	var r kgo.Record
	if err := ParseJSON([]byte(`{"key": 7, "value": {"a": [1, 2]}}`), &r); err != nil {
		t.Fatal(err)
	}
	if string(r.Key) != "7" || string(r.Value) != `{"a": [1, 2]}` || r.Partition != -1 || !r.Timestamp.IsZero() {
		t.Errorf("%+v", r)
	}
	for _, line := range []string{"", "x", "[]", `{"key_base64":"?"}`, `{"value_base64":"?"}`, `{"headers":[{"name":"a","value_base64":"?"}]}`, `{"partition":"1"}`} {
		if err := ParseJSON([]byte(line), &kgo.Record{}); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
}

func FuzzParser(f *testing.F) {
	f.Add("%k %v", "a b")
	f.Add(`[%p] %T %h\x20%v;`, "[1] 2 a=b c;")
	f.Fuzz(func(t *testing.T, format, line string) {
		p, err := NewParser(format)
		if err != nil {
			return
		}
		var r kgo.Record
		_ = p.Parse([]byte(line), &r) // any line may be refused; none may panic
	})
}
