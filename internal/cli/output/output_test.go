package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

func printer(f Format) (*Printer, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return New(&out, &errs, f), &out, &errs
}

func TestTablesStandStraight(t *testing.T) {
	s := NewSheet(Left("NAME"), Right("N"), Left("NOTE").InWide(), Left("END"))
	s.Row("a", 1, "first", "x")
	s.Row("日本", 1000, "second", "") // two columns each
	s.Row("b\x1b[1m\n", 5, "", "z") // nobody's escape codes reach the terminal
	for f, want := range map[Format][]string{
		Table: {`NAME             N  END`, `a                1  x`, `日本          1000`, `b\x1b[1m\x0a     5  z`},
		Wide:  {`NAME             N  NOTE    END`, `a                1  first   x`, `日本          1000  second`, `b\x1b[1m\x0a     5          z`},
	} {
		p, out, _ := printer(f)
		if err := p.Print(nil, s); err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", f, out, strings.Join(want, "\n"))
		}
	}
}

func TestColumnsAlign(t *testing.T) {
	p, out, _ := printer(Table)
	s := NewSheet(Right("NUMBER"), Left("TEXT"))
	s.Row(7, "seven")
	s.Row(12345678, "many")
	if err := p.Print(nil, s); err != nil {
		t.Fatal(err)
	}
	if want := "  NUMBER  TEXT\n       7  seven\n12345678  many\n"; out.String() != want {
		t.Errorf("%q", out)
	}
}

func TestNothingIsStyledWhenPiped(t *testing.T) {
	p, out, _ := printer(Table)
	if err := p.Print(nil, Facts("a", 1).Titled("T")); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String()+p.Style(Bold, "x"), "\x1b") {
		t.Errorf("%q", out)
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	p.Terminal = true
	if p.Style(Bold, "x") != "\x1b[1mx\x1b[0m" {
		t.Error("a terminal gets no style")
	}
	t.Setenv("NO_COLOR", "1")
	if p.Style(Bold, "x") != "x" {
		t.Error("NO_COLOR is not heeded")
	}
}

func TestStructuredForms(t *testing.T) {
	value := []map[string]any{{"name": "<a&b>", "big": int64(1) << 60}}
	for f, want := range map[Format]string{
		JSON: "[\n  {\n    \"big\": 1152921504606846976,\n    \"name\": \"<a&b>\"\n  }\n]\n",
		YAML: "- big: 1152921504606846976\n  name: <a&b>\n",
	} {
		p, out, errs := printer(f)
		p.Say("a hint")
		if err := p.Print(value, NewSheet()); err != nil || out.String() != want || errs.Len() > 0 {
			t.Errorf("%s: %q, %q, %v", f, out, errs, err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, tc := range []struct {
		err  error
		exit int
	}{
		{Usagef("x"), Usage},
		{fmt.Errorf("wrapped: %w", NotFoundf("x")), NotFound},
		{kerr.UnknownTopicOrPartition, NotFound},
		{kerr.GroupIDNotFound, NotFound},
		{kerr.TopicAlreadyExists, Refused},
		{kerr.NonEmptyGroup, Refused},
		{kerr.RequestTimedOut, Unreachable},
		{kerr.InvalidConfig, Failed},
		{refused, Unreachable},
		{context.DeadlineExceeded, Unreachable},
		{context.Canceled, Interrupted},
		{errors.New("x"), Failed},
		{About("topic x", kerr.UnknownTopicOrPartition, ""), NotFound},
		{Join([]error{Refusedf("a"), NotFoundf("b")}), Refused},
	} {
		if got := Classify(tc.err).Exit; got != tc.exit {
			t.Errorf("%v: exit %d, want %d", tc.err, got, tc.exit)
		}
		if !strings.Contains(ExitCodes, fmt.Sprintf("\n  %d ", tc.exit)) {
			t.Errorf("exit code %d is not in the help", tc.exit)
		}
	}
}

func TestAbout(t *testing.T) {
	if About("x", nil, "detail") != nil || Join(nil) != nil {
		t.Error("no error became one")
	}
	if got := About("topic x", kerr.InvalidConfig, "Unknown key.").Error(); got != "topic x: Unknown key (INVALID_CONFIG)" {
		t.Error(got)
	}
	if got := About("topic x", kerr.UnknownTopicOrPartition, "").Error(); got != "topic x: does not exist (UNKNOWN_TOPIC_OR_PARTITION)" {
		t.Error(got)
	}
}

func TestPrintError(t *testing.T) {
	err := Join([]error{NotFoundf("a\x1b").WithHint("do this"), Refusedf("b")})
	for f, want := range map[Format]string{
		Table: "ottla: a\\x1b\nottla: b\ndo this\n",
		JSON:  "{\n  \"error\": {\n    \"exit_code\": 3,\n    \"code\": \"NOT_FOUND\",\n    \"message\": \"a\\u001b\\nb\",\n    \"hint\": \"do this\"\n  }\n}\n",
	} {
		var out bytes.Buffer
		if code := PrintError(&out, f, err); code != NotFound || out.String() != want {
			t.Errorf("%s: %d %q", f, code, out.String())
		}
	}
}

func TestResults(t *testing.T) {
	results := []Result{{Name: "a", Action: "deleted", Detail: "2 partitions"}, Result{Name: "b", Action: "deleted"}.Fail("topic b", kerr.UnknownTopicOrPartition, ""), {Name: "c", Action: "would be deleted", DryRun: true}}
	p, out, _ := printer(Table)
	err := p.Results("topic", results)
	if want := "topic a deleted: 2 partitions\ntopic c would be deleted (dry run, nothing was changed)\n"; out.String() != want {
		t.Errorf("%q", out)
	}
	if !IsNotFound(err) || err.Error() != "topic b: does not exist (UNKNOWN_TOPIC_OR_PARTITION)" {
		t.Error(err)
	}
}

func TestHuman(t *testing.T) {
	for got, want := range map[string]string{
		Bytes(0): "0 B", Bytes(1023): "1023 B", Bytes(1024): "1.0 KiB", Bytes(1 << 40): "1.0 TiB", Bytes(1<<63 - 1): "8.0 EiB", Bytes(-1): "-",
		Duration(0): "0s", Duration(36 * time.Hour): "1d12h", Duration(1500 * time.Millisecond): "1s500ms", Duration(7 * 24 * time.Hour): "7d",
		SettingValue("retention.ms", "604800000"): "604800000 (7d)", SettingValue("segment.bytes", "1073741824"): "1073741824 (1.0 GiB)",
		SettingValue("flush.ms", "9223372036854775807"): "9223372036854775807", SettingValue("retention.ms", "-1"): "-1", SettingValue("x", "99999"): "99999",
		Numbers(nil): "-", Numbers([]int32{1, 2}): "1,2", Plural(1, "record"): "1 record", Plural(0, "record"): "0 records", Count(-1): "-",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestFormatFlag(t *testing.T) {
	var f Format
	for _, name := range Formats {
		if err := f.Set(string(name)); err != nil || f != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f.Set("xml") == nil {
		t.Error("xml is taken")
	}
}
