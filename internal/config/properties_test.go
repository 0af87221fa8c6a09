package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseProperties(t *testing.T) {
	tests := []struct {
		name, file string
		want       []Property
	}{
		{"separators", "a=1\nb:2\nc 3\nd\t4\ne = 5\nf : 6\ng==7\nh", []Property{
			{"a", "1", 1}, {"b", "2", 2}, {"c", "3", 3}, {"d", "4", 4}, {"e", "5", 5}, {"f", "6", 6}, {"g", "=7", 7}, {"h", "", 8}}},
		{"comments and blanks", "# one\n  ! two\n\n \t\na=#no\n", []Property{{"a", "#no", 5}}},
		{"a comment does not continue", "#x\\\na=1\n", []Property{{"a", "1", 2}}},
		{"continued", "a=1,\\\n   2,\\\r\n\t3\nb=2", []Property{{"a", "1,2,3", 1}, {"b", "2", 4}}},
		{"escaped backslash at the end", "a=1\\\\\nb=2", []Property{{"a", `1\`, 1}, {"b", "2", 2}}},
		{"line ends", "a=1\rb=2\r\nc=3\n", []Property{{"a", "1", 1}, {"b", "2", 2}, {"c", "3", 3}}},
		{"escapes", `a\=b\:c\ d=\t\n\r\f\x\#`, []Property{{"a=b:c d", "\t\n\r\fx#", 1}}},
		{"unicode", `k\u0065y=\u00fc\uD83D\uDE00`, []Property{{"key", "ü😀", 1}}},
		{"latin 1", "a=\xfc", []Property{{"a", "ü", 1}}},
		{"trailing space stays", "a=1  \n", []Property{{"a", "1  ", 1}}},
		{"twice", "a=1\na=2", []Property{{"a", "1", 1}, {"a", "2", 2}}},
		{"backslash and nothing", "\\", []Property{{"", "", 1}}},
		{"empty", "", nil},
	}
	for _, test := range tests {
		got, err := ParseProperties([]byte(test.file))
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, %v; want %+v", test.name, got, err, test.want)
		}
	}
}

func TestParsePropertiesRefusesBadUnicode(t *testing.T) {
	for _, file := range []string{`a=\u12`, `a=\u12g4`, "b=1\na\\uzzzz=1"} {
		if _, err := ParseProperties([]byte(file)); err == nil || !strings.Contains(err.Error(), `\uxxxx`) {
			t.Errorf("%q: %v", file, err)
		}
	}
}

// FuzzParseProperties holds that nothing panics, that lines are in order, and that what is written with every character
// escaped is read again.
func FuzzParseProperties(f *testing.F) {
	f.Add("a=1\nb\\\n =2", "key", "value")
	f.Add("\\", "=", "\\")
	f.Fuzz(func(t *testing.T, file, key, value string) {
		entries, err := ParseProperties([]byte(file))
		line := 0
		for _, e := range entries {
			if e.Line < line {
				t.Fatalf("line %d after %d", e.Line, line)
			}
			line = e.Line
		}
		_ = err
		key, value = strings.ToValidUTF8(key, ""), strings.ToValidUTF8(value, "")
		if key == "" {
			return
		}
		entries, err = ParseProperties([]byte(escapeAll(key) + "=" + escapeAll(value)))
		if err != nil || len(entries) != 1 || entries[0].Key != key || entries[0].Value != value {
			t.Fatalf("%q=%q came back as %+v, %v", key, value, entries, err)
		}
	})
}
