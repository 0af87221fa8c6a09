package dumplog

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// expectation is what Apache's tool printed for the same files: testdata/expected/*.txt.
type expectation struct {
	args           []string
	stdout, stderr string
}

func readExpectation(t *testing.T, file string) expectation {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(text), "-- stdout\n")
	stdout, stderr, ok2 := strings.Cut(rest, "-- stderr\n")
	args, ok3 := strings.CutPrefix(strings.SplitN(head, "\n", 2)[0], "args: ")
	if !ok1 || !ok2 || !ok3 {
		t.Fatalf("%s is not an expectation", file)
	}
	return expectation{strings.Fields(args), stdout, stderr}
}

func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = Run(t.Context(), tool.IO{Stdout: &out, Stderr: &errOut}, args)
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), strings.ReplaceAll(errOut.String(), wd+"/", "")
}

// The files were written by Apache Kafka and its own tool printed the expectations, so any difference is ours.
func TestPrintsWhatApacheKafkasToolPrints(t *testing.T) {
	files, err := filepath.Glob("testdata/expected/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d expectations, %v", len(files), err)
	}
	t.Chdir("testdata")
	for _, file := range files {
		file = strings.TrimPrefix(file, "testdata/")
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			want := readExpectation(t, file)
			code, stdout, stderr := run(t, want.args...)
			if code != 0 {
				t.Errorf("exit code %d, stderr %s", code, stderr)
			}
			diffLines(t, "stdout", want.stdout, stdout)
			if name == "damaged-snapshot" { // told in our own words
				if !strings.Contains(stderr, "CRC") || !strings.Contains(stderr, "97944429") {
					t.Errorf("stderr %q names no CRC", stderr)
				}
				return
			}
			diffLines(t, "stderr", want.stderr, stderr)
		})
	}
}

func diffLines(t *testing.T, what, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		switch {
		case i >= len(w):
			t.Fatalf("%s has %d lines more, the first: %s", what, len(g)-len(w), g[i])
		case i >= len(g):
			t.Fatalf("%s lacks %d lines, the first: %s", what, len(w)-len(g), w[i])
		case w[i] != g[i]:
			t.Fatalf("%s line %d\nwant %s\nhave %s", what, i+1, w[i], g[i])
		}
	}
}

func TestErrorsEndWithCodeOneAfterTheOutputSoFar(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, err := os.ReadFile("testdata/dump-0/00000000000000000000.log")
	if err != nil {
		t.Fatal(err)
	}
	badLength := append(bytes.Clone(good), make([]byte, 40)...)
	badMagic := bytes.Clone(good)
	badMagic[16] = 9
	cut := bytes.Clone(good)
	cut[61] = 0x7f // the length of the first record
	cases := []struct {
		name, file, want string
	}{
		{"no such file", filepath.Join(dir, "00000000000000000005.log"), "no such file"},
		{"a name without an offset", write("nofile.log", nil), "does not begin with an offset"},
		{"zeros after the last batch", write("00000000000000000000.log", badLength), "smaller than minimum record overhead"},
		{"unknown magic", write("00000000000000000001.log", badMagic), "magic 9"},
		{"a record that does not fit", write("00000000000000000002.log", cut), "batch at position 0"},
		{"an index without its log", write("00000000000000000003.index", make([]byte, 8)), "no such file"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := run(t, "--deep-iteration", "--files", c.file)
			if code != 1 || !strings.Contains(stderr, c.want) {
				t.Errorf("code %d, stderr %q, want 1 and %q", code, stderr, c.want)
			}
			if !strings.HasPrefix(stdout, "Dumping "+c.file+"\n") {
				t.Errorf("stdout %q", stdout)
			}
		})
	}
}

func TestIndexEntryBehindTheLog(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "00000000000000000000.log")
	index := filepath.Join(dir, "00000000000000000000.index")
	for path, data := range map[string][]byte{log: nil, index: {0, 0, 0, 5, 0, 0, 1, 0}} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, _, stderr := run(t, "--files", index)
	if code != 1 || !strings.Contains(stderr, "points to position 256") {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
}

func TestWrongDecoderNamesTheRecordAndGoesOn(t *testing.T) {
	code, stdout, stderr := run(t, "--offsets-decoder", "--skip-record-metadata", "--files", "testdata/__transaction_state-3/00000000000000000000.log")
	if code != 0 || stderr != "" {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	if n := strings.Count(stdout, "key: Error at offset "); n != strings.Count(stdout, "baseOffset: ") {
		t.Errorf("%d errors\n%s", n, stdout)
	}
}

func TestOptions(t *testing.T) {
	cases := []struct {
		args []string
		code int
		want string
	}{
		{nil, 1, "This tool helps to parse a log file"},
		{[]string{"--print-data-log"}, 1, `Missing required argument "[files]"`},
		{[]string{"--foo"}, 1, "foo is not a recognized option"},
		{[]string{"--files", "x.log", "--key-decoder-class", "my.Decoder"}, 1, "ClassNotFoundException: my.Decoder"},
		{[]string{"--files", "x.log", "--max-bytes", "many"}, 1, "Cannot parse argument 'many'"},
	}
	for _, c := range cases {
		code, _, stderr := run(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: code %d, stderr %q", c.args, code, stderr)
		}
	}
	if code, stdout, _ := run(t, "--version"); code != 0 || stdout != tool.KafkaVersion+"\n" {
		t.Errorf("--version: code %d, %q", code, stdout)
	}
}

// A message of magic 1, as old brokers wrote it: offset 7, CreateTime 1000, key "k", value "v".
func TestLegacyMessages(t *testing.T) {
	body := []byte{1, 0, 0, 0, 0, 0, 0, 0, 3, 0xe8, 0, 0, 0, 1, 'k', 0, 0, 0, 1, 'v'}
	message := []byte{0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, byte(len(body) + 4), 0x12, 0x34, 0x56, 0x78}
	file := filepath.Join(t.TempDir(), "00000000000000000007.log")
	if err := os.WriteFile(file, append(message, body...), 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := run(t, "--print-data-log", "--files", file)
	want := "offset: 7 position: 0 CreateTime: 1000 size: 36 magic: 1 compresscodec: none crc: 305419896 isvalid: false\n" +
		"| offset: 7 CreateTime: 1000 keySize: 1 valueSize: 1 isValid: false crc: 305419896 key: k payload: v\n"
	if code != 0 || !strings.HasSuffix(stdout, want) {
		t.Errorf("code %d\nhave %s\nwant %s\n%s", code, stdout, want, stderr)
	}
}

func FuzzLog(f *testing.F) {
	seed, err := os.ReadFile("testdata/dump-0/00000000000000000000.log")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:200])
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		log := filepath.Join(dir, "00000000000000000000.log")
		if err := os.WriteFile(log, data, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, decoder := range []string{"--print-data-log", "--offsets-decoder", "--cluster-metadata-decoder"} {
			if code, _, _ := run(t, decoder, "--files", log); code != 0 && code != 1 {
				t.Fatalf("exit code %d", code)
			}
		}
	})
}
