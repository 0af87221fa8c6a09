package recordjson

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestEverySchemaParsesAndHasItsPartner(t *testing.T) {
	for _, name := range []string{"group", "share", "transaction"} {
		c := loadCatalog(name)
		if len(c.byKey) == 0 {
			t.Fatalf("%s has no keys", name)
		}
		for key, m := range c.byKey {
			if c.values[key] == nil {
				t.Errorf("%s: %s has no value", name, m.name)
			}
		}
	}
	if n := len(loadCatalog("metadata").byKey); n < 20 {
		t.Errorf("%d metadata records", n)
	}
}

// Records by hand; that whole files read as Apache's tool prints them is tested with kafka-dump-log.
func TestGroupRecords(t *testing.T) {
	cases := []struct {
		name, key, value, want string
	}{
		{
			"offset commit of version 4 with a topic id", "000100026731000274310000 0000",
			"0004 0000000000000002 00000000 01 000001a1fe63c4c7 01 00 10 81e976e5a780409e919b3b8b03a93988",
			`{"key":{"type":1,"data":{"group":"g1","topic":"t1","partition":0}},"value":{"version":4,"data":{"offset":2,"leaderEpoch":0,"metadata":"","commitTimestamp":1795269313735,"topicId":"gel25aeAQJ6RmzuLA6k5iA"}}}`,
		},
		{
			"offset commit of version 1 has an expiry and no epoch", "0001 0001 67 0001 74 00000007",
			"0001 0000000000000005 0003 6d6574 0000000000000001 0000000000000002",
			`{"key":{"type":1,"data":{"group":"g","topic":"t","partition":7}},"value":{"version":1,"data":{"offset":5,"metadata":"met","commitTimestamp":1,"expireTimestamp":2}}}`,
		},
		{
			"tombstone", "0002 0001 67", "",
			`{"key":{"type":2,"data":{"group":"g"}},"value":null}`,
		},
		{
			"empty group of version 3", "0002 0002 6731", "0003 0000 00000000 ffff ffff 000001a1fe63c4c7 00000000",
			`{"key":{"type":2,"data":{"group":"g1"}},"value":{"version":3,"data":{"protocolType":"","generation":0,"protocol":null,"leader":null,"currentStateTimestamp":1795269313735,"members":[]}}}`,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Group().AppendFormatted(nil, unhex(t, c.key), unhex(t, c.value))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("\nhave %s\nwant %s", got, c.want)
			}
			if !json.Valid(got) {
				t.Error("no valid JSON")
			}
		})
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	text = strings.ReplaceAll(text, " ", "")
	if text == "" {
		return nil
	}
	out := make([]byte, len(text)/2)
	for i := range out {
		hi, lo := strings.IndexByte("0123456789abcdef", text[2*i]), strings.IndexByte("0123456789abcdef", text[2*i+1])
		if hi < 0 || lo < 0 {
			t.Fatalf("no hexadecimal: %s", text)
		}
		out[i] = byte(hi<<4 | lo)
	}
	return out
}

func TestOnlyTheTypesAskedFor(t *testing.T) {
	key := unhex(t, "0002 0001 67")
	if got, err := Group().AppendFormatted(nil, key, nil, 0, 1); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Group().AppendFormatted(nil, key, nil, 2); err != nil || len(got) == 0 {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Group().AppendFormatted(nil, unhex(t, "7fff"), nil); err != nil || len(got) != 0 {
		t.Errorf("an unknown type is passed over: %q, %v", got, err)
	}
}

func TestBadRecordsAreErrors(t *testing.T) {
	cases := []struct{ name, key, value, want string }{
		{"empty key", "", "", "Could not read version from key's buffer."},
		{"short key", "0001 0005 67", "", "from key's buffer"},
		{"no value version", "0002 0001 67", "00", "Could not read version from value's buffer."},
		{"a version too new", "0002 0001 67", "0063 00", "Found an unknown record version 99 for 2 type"},
		{"an array longer than the record", "0002 0001 67", "0000 0000 00000000 ffff ffff 7fffffff", "from value's buffer"},
		{"a null that may not be", "0001 ffff 0001 74 00000000", "", "a null where none may be"},
	}
	for _, c := range cases {
		_, err := Group().Decode(unhex(t, c.key), unhex(t, c.value))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Group().Decode(unhex(t, "00ff"), nil); !errors.Is(err, ErrUnknownType) {
		t.Errorf("unknown type: %v", err)
	}
}

func TestMetadata(t *testing.T) {
	// Frame 1, type 12 (FeatureLevelRecord), version 0, name, level, no tags.
	got, err := Metadata(unhex(t, "01 0c 00 11 6d657461646174612e76657273696f6e 001e 00"))
	want := `{"type":"FEATURE_LEVEL_RECORD","version":0,"data":{"name":"metadata.version","featureLevel":30}}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	for _, bad := range []string{"", "00", "02 0c 00", "01 7f 00", "01 0c 09", "01 0c 00 11", "01 0c 00 01 001e 00 ff"} {
		if got, err := Metadata(unhex(t, bad)); err == nil {
			t.Errorf("%q gave %s", bad, got)
		}
	}
}

func TestJavasNumbers(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 0.001: "0.001", 0.00025: "2.5E-4", 1e7: "1.0E7", 12345678.9: "1.23456789E7",
		9999999: "9999999.0", 9.00900900900901: "9.00900900900901", math.Inf(1): "Infinity", math.Inf(-1): "-Infinity", 1e300: "1.0E300",
	} {
		if got := string(AppendDouble(nil, v)); got != want {
			t.Errorf("%g: %s, want %s", v, got, want)
		}
	}
	if got := string(AppendDouble(nil, math.NaN())); got != "NaN" {
		t.Error(got)
	}
	if got := string(AppendFloat(nil, 0.1)); got != "0.1" {
		t.Error(got)
	}
}

func TestStringsAreEscapedAsJacksonDoes(t *testing.T) {
	got := string(AppendString(nil, "a\"b\\c\n\r\t\b\f\x01<&>é\xff"))
	want := `"a\"b\\c\n\r\t\b\f\u0001<&>é` + "\uFFFD" + `"`
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 2, 0, 1, 'g'}, []byte{0, 3, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 5, 0, 1, 'g', 0, 1, 'm'}, []byte{0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		for _, c := range []*Coordinator{Group(), GroupExpanded(), Transaction(), Share()} {
			got, err := c.AppendFormatted(nil, key, value)
			if err == nil && len(got) > 0 && !json.Valid(got) {
				t.Fatalf("no valid JSON: %s", got)
			}
		}
		if got, err := Metadata(value); err == nil && !json.Valid(got) {
			t.Fatalf("no valid JSON: %s", got)
		}
	})
}
