package record

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// With -apache=DIR, the directory of Apache Kafka's jars, the questions of this file are put to Apache's classes
// (testdata/apache/Oracle.java, needs a JDK) and the answers are written to answersFile. Without it, the stored answers are
// compared with ours.
var apacheLibs = flag.String("apache", "", "directory of Apache Kafka's jars: record its answers anew")

const answersFile = "testdata/apache/answers.txt"

// question is a line for the oracle. The answer of Apache is stored under the name.
type question struct{ name, line string }

func questions(t *testing.T) []question {
	var all []question
	for _, c := range buildCases() {
		all = append(all, question{"build-" + c.name, c.line()})
		b := NewBuilder(c.codec)
		b.Level = c.level
		all = append(all, question{"read-" + c.name, "read " + hex.EncodeToString(buildWith(t, b, c.records...))})
	}
	origins := map[Origin]string{OriginClient: "CLIENT", OriginCoordinator: "COORDINATOR", OriginReplication: "REPLICATION"}
	for _, s := range shapes(t) {
		settings := s.settings
		if settings == "" {
			settings = "-"
		}
		all = append(all, question{"append-" + s.name, fmt.Sprintf("append %s %d %s %s", origins[s.origin], testNowMs, settings, hexOf(s.bytes))})
	}
	return all
}

// hexOf writes bytes as the oracle does: - is nil, _ is empty.
func hexOf(b []byte) string {
	if len(b) == 0 {
		return "_"
	}
	return hex.EncodeToString(b)
}

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	switch s {
	case "-":
		return nil
	case "_":
		return []byte{}
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func apacheAnswers(t *testing.T) map[string]string {
	t.Helper()
	if *apacheLibs != "" {
		askApache(t)
	}
	f, err := os.Open(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	answers := map[string]string{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 10<<20)
	for lines.Scan() {
		name, answer, _ := strings.Cut(lines.Text(), " ")
		answers[name] = answer
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return answers
}

func askApache(t *testing.T) {
	t.Helper()
	classes := t.TempDir()
	jars := filepath.Join(*apacheLibs, "*")
	if out, err := exec.Command("javac", "-cp", jars, "-d", classes, "testdata/apache/Oracle.java").CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	var in bytes.Buffer
	all := questions(t)
	for _, q := range all {
		fmt.Fprintln(&in, q.line)
	}
	java := exec.Command("java", "-cp", classes+string(filepath.ListSeparator)+jars, "Oracle")
	java.Stdin = &in
	out, err := java.Output()
	if err != nil {
		t.Fatalf("java: %v", err)
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(all) {
		t.Fatalf("%d answers to %d questions", len(answers), len(all))
	}
	var file bytes.Buffer
	for i, q := range all {
		if strings.HasPrefix(q.name, "read-") {
			answers[i] = digest(answers[i])
		}
		fmt.Fprintf(&file, "%s %s\n", q.name, answers[i])
	}
	if err := os.WriteFile(answersFile, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// digest stands for a long answer.
func digest(s string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s))) }

type buildCase struct {
	name    string
	codec   Codec
	level   int
	records []Record
}

func (c *buildCase) line() string {
	return fmt.Sprintf("build %s %d false -1:-1:-1 %s", c.codec, c.level, recordsText(c.records))
}

func buildCases() []buildCase {
	long := []Record{rec("long", string(text(5, 80_000))), rec("short", "x")}
	var all []buildCase
	for _, c := range allCodecs {
		all = append(all,
			buildCase{name: "samples-" + c.String(), codec: c, records: samples()},
			buildCase{name: "many-" + c.String(), codec: c, records: textRecords(100, 100)})
		if c != CodecNone {
			all = append(all,
				buildCase{name: "long-" + c.String(), codec: c, records: long},
				buildCase{name: "noise-" + c.String(), codec: c, records: []Record{rec("n", string(noise(1, 1000)))}})
		}
	}
	for codec, levels := range map[Codec][]int{CodecGzip: {1, 9}, CodecLz4: {1, 17}, CodecZstd: {-100, 1, 22}} {
		for _, level := range levels {
			all = append(all, buildCase{name: fmt.Sprintf("level-%d-%s", level, codec), codec: codec, level: level, records: textRecords(50, 200)})
		}
	}
	return all
}

// recordsText writes records in the words of the oracle.
func recordsText(records []Record) string {
	var out []string
	field := func(b []byte) string {
		if b == nil {
			return "-"
		}
		return hexOf(b)
	}
	for _, r := range records {
		one := strconv.FormatInt(r.Timestamp, 10) + "," + field(r.Key) + "," + field(r.Value)
		for _, h := range r.Headers {
			one += "," + hexOf([]byte(h.Key)) + "=" + field(h.Value)
		}
		out = append(out, one)
	}
	return strings.Join(out, ";")
}

// TestApacheBatches reads what Apache wrote, and holds what Apache read of ours against what we wrote.
func TestApacheBatches(t *testing.T) {
	answers := apacheAnswers(t)
	for _, c := range buildCases() {
		t.Run(c.name, func(t *testing.T) {
			written, _, err := Next(fromHex(t, answers["build-"+c.name]))
			if err != nil {
				t.Fatal(err)
			}
			if err := written.CheckCRC(); err != nil {
				t.Fatal(err)
			}
			records, err := written.Records(0)
			if err != nil {
				t.Fatal(err)
			}
			want := recordsText(c.records)
			if got := recordsText(records); got != want {
				t.Errorf("read %.300s, want %.300s", got, want)
			}
			if answers["read-"+c.name] != digest(want) {
				t.Errorf("Apache read other records from what we wrote")
			}
			if ours := build(t, c.codec, c.records...); c.codec == CodecNone && !bytes.Equal(ours, written) {
				t.Errorf("ours differs:\n%x\n%x", ours, written)
			}
		})
	}
}

// apacheCode is the code that a client gets for a kind.
var apacheCode = map[Kind]string{
	KindCorrupt: "CORRUPT_MESSAGE", KindInvalidRecord: "INVALID_RECORD", KindInvalidTimestamp: "INVALID_TIMESTAMP",
	KindOldMagic: "INVALID_RECORD", KindTooLarge: "MESSAGE_TOO_LARGE", KindUnknownCodec: "UNKNOWN_SERVER_ERROR",
	KindDecompression: "UNKNOWN_SERVER_ERROR",
}

// TestApacheAppends compares Validate with what Apache's log did with the same bytes under the same settings.
func TestApacheAppends(t *testing.T) {
	answers := apacheAnswers(t)
	for _, s := range shapes(t) {
		t.Run(s.name, func(t *testing.T) {
			apache := strings.Split(answers["append-"+s.name], " ")
			ours := ourAnswer(&s)
			same := compareAnswers(t, apache, ours)
			if s.differs != "" && same == "" {
				t.Errorf("Apache agrees by now; the reason is out of date: %s", s.differs)
			}
			if s.differs == "" && same != "" {
				t.Error(same)
			}
		})
	}
}

func ourAnswer(s *shape) []string {
	result, err := Validate(append([]byte{}, s.bytes...), s.rulesFor())
	if err != nil {
		refused := "-"
		for i, index := range refusedIndexes(err) {
			if i == 0 {
				refused = strconv.Itoa(int(index))
				continue
			}
			refused += "," + strconv.Itoa(int(index))
		}
		return []string{"error", apacheCode[kindOf(err)], refused}
	}
	return strings.Split(fmt.Sprintf("ok %d %d %d %d %s", result.FirstOffset, result.LastOffset, result.MaxTimestamp, result.LogAppendTimeMs,
		hexOf(result.Batches)), " ")
}

// compareAnswers says how two answers differ. Bytes must be the same, unless both were compressed anew, by different libraries.
func compareAnswers(t *testing.T, apache, ours []string) string {
	t.Helper()
	if len(apache) != len(ours) || apache[0] != ours[0] || !equalWords(apache[1:len(apache)-1], ours[1:len(ours)-1]) {
		return fmt.Sprintf("Apache: %.200s\nours: %.200s", apache, ours)
	}
	last := len(apache) - 1
	if apache[last] == ours[last] {
		return ""
	}
	if apache[0] != "ok" {
		return fmt.Sprintf("Apache: %s\nours: %s", apache, ours)
	}
	a, b := Batch(fromHex(t, apache[last])), Batch(fromHex(t, ours[last]))
	if a.Codec() == CodecNone || a.Codec() != b.Codec() {
		return fmt.Sprintf("other bytes:\nApache %x\nours   %x", a, b)
	}
	if !bytes.Equal(a.plain(t), b.plain(t)) {
		return fmt.Sprintf("other records:\nApache %x\nours   %x", a.plain(t), b.plain(t))
	}
	for _, field := range [][2]int{{0, posLength}, {posLeaderEpoch, posCRC}, {posAttributes, HeaderSize}} {
		if !bytes.Equal(a[field[0]:field[1]], b[field[0]:field[1]]) {
			return fmt.Sprintf("other headers:\nApache %x\nours   %x", a[:HeaderSize], b[:HeaderSize])
		}
	}
	return ""
}

func equalWords(a, b []string) bool { return strings.Join(a, " ") == strings.Join(b, " ") }
