package installtools

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/cli/output"
)

type place struct {
	options
	t        *testing.T
	out, err bytes.Buffer
}

func newPlace(t *testing.T) *place {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(root, "ottla")
	if err := os.WriteFile(binary, []byte("binary"), 0o755); err != nil {
		t.Fatal(err)
	}
	return &place{t: t, options: options{dir: filepath.Join(root, "bin"), binary: binary, names: []string{"kafka-a", "kafka-a.sh"}}}
}

func (p *place) install() error {
	p.out.Reset()
	p.err.Reset()
	return install(output.New(&p.out, &p.err, output.Table), p.options)
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) content(name string) string {
	p.t.Helper()
	content, err := os.ReadFile(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(content)
}

func TestLinksAreMadeAndKept(t *testing.T) {
	p := newPlace(t)
	if err := p.install(); err != nil {
		t.Fatal(err)
	}
	for _, name := range p.names {
		if p.content(name) != "binary" {
			t.Errorf("%s does not lead to the binary", name)
		}
	}
	if !strings.Contains(p.err.String(), "2 links made, 0 kept") || !strings.Contains(p.err.String(), "not in PATH") {
		t.Errorf("%s", p.err.String())
	}
	t.Setenv("PATH", p.dir)
	if err := p.install(); err != nil || !strings.Contains(p.err.String(), "0 links made, 2 kept") || strings.Contains(p.err.String(), "PATH") {
		t.Errorf("%v %s", err, p.err.String())
	}
}

func TestDryRunMakesNothing(t *testing.T) {
	p := newPlace(t)
	p.dryRun = true
	if err := p.install(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(p.dir); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
	if !strings.Contains(p.out.String(), p.path("kafka-a.sh")) {
		t.Errorf("%s", p.out.String())
	}
}

func TestForeignThingsStay(t *testing.T) {
	for _, tc := range []struct {
		name string
		make func(path, root string) error
	}{
		{"a file", func(path, _ string) error { return os.WriteFile(path, []byte("mine"), 0o644) }},
		{"a link elsewhere", func(path, root string) error { return os.Symlink(filepath.Join(root, "other"), path) }},
		{"a link to another file", func(path, root string) error {
			if err := os.WriteFile(filepath.Join(root, "other"), nil, 0o644); err != nil {
				return err
			}
			return os.Symlink(filepath.Join(root, "other"), path)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlace(t)
			if err := os.MkdirAll(p.dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := tc.make(p.path("kafka-a.sh"), filepath.Dir(p.dir)); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(p.path("kafka-a.sh"))
			err := p.install()
			if output.Classify(err).Exit != output.Refused || !strings.Contains(err.Error(), "kafka-a.sh is there already") {
				t.Fatalf("%v", err)
			}
			if after, err := os.Lstat(p.path("kafka-a.sh")); err != nil || !os.SameFile(before, after) {
				t.Errorf("it was touched: %v", err)
			}
			if _, err := os.Lstat(p.path("kafka-a")); !os.IsNotExist(err) {
				t.Errorf("the other link was made: %v", err)
			}
			p.force = true
			if err := p.install(); err != nil || p.content("kafka-a.sh") != "binary" || !strings.Contains(p.out.String(), "replaced") {
				t.Errorf("with --force: %v\n%s", err, p.out.String())
			}
		})
	}
}

func TestADirectoryStaysEvenByForce(t *testing.T) {
	p := newPlace(t)
	p.force = true
	if err := os.MkdirAll(p.path("kafka-a"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.install(); output.Classify(err).Exit != output.Refused {
		t.Errorf("%v", err)
	}
	if info, err := os.Stat(p.path("kafka-a")); err != nil || !info.IsDir() {
		t.Errorf("%v", err)
	}
}

func TestEveryToolHasBothNames(t *testing.T) {
	names := toolNames()
	have := map[string]bool{}
	for _, name := range names {
		have[name] = true
	}
	for _, name := range []string{"kafka-topics", "kafka-topics.sh", "kafka-console-consumer", "kafka-consumer-groups.sh"} {
		if !have[name] {
			t.Errorf("no %s in %v", name, names)
		}
	}
}
