package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func scripted(name, script string) client {
	return client{name: name, programs: []string{"sh"}, install: func(context.Context, workplace) (command, error) {
		return command{args: []string{"sh", "-c", script}}, nil
	}}
}

func TestRunAllGivesEveryClientANodeAndSumsUp(t *testing.T) {
	w := workplace{cache: t.TempDir()}
	if err := os.MkdirAll(w.outDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	broken := client{name: "broken", install: func(context.Context, workplace) (command, error) { return command{}, errors.New("no network") }}
	absent := client{name: "absent", programs: []string{"no-such-runtime"}}
	nodes := map[string]*fakeNode{"good": {}, "bad": {}, "crashed": {died: "panic: nil"}, "slow": {failClose: errors.New("did not stop")}}
	start := func(_ context.Context, name string, _ wanted) (node, error) { return nodes[name], nil }
	o := options{target: "ottla", parallel: 1, clientTimeout: time.Minute}
	var out strings.Builder
	results := runAll(t.Context(), w, o, []client{
		scripted("good", "test $TARGET = ottla && echo PASS a; echo PASS b; echo 2 passed, 0 failed"),
		scripted("bad", "echo 'FAIL c: why'; echo 0 passed, 1 failed; exit 1"),
		broken, absent,
		scripted("crashed", "echo PASS d; echo 1 passed, 0 failed"),
		scripted("slow", "echo PASS e; echo 1 passed, 0 failed"),
	}, start, &out)
	if failed := printTable(&out, o.target, results, time.Second); failed != 5 {
		t.Errorf("%d failed, want 5", failed)
	}
	text := out.String()
	if !strings.HasSuffix(text, "\n4 passed, 5 failed\n") {
		t.Errorf("the last line is not the sum:\n%s", text)
	}
	for _, want := range []string{"FAILED bad c: why", "FAILED crashed node: panic: nil", "FAILED slow stop: did not stop", "FAILED broken install: no network", "FAILED absent install: no-such-runtime is not on the PATH"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for name, n := range nodes {
		if !slices.Equal(n.done, []string{"close"}) {
			t.Errorf("the node of %s went through %v", name, n.done)
		}
	}
	if log, err := os.ReadFile(filepath.Join(w.outDir(), "ottla-good.log")); err != nil || !strings.Contains(string(log), "PASS b") {
		t.Errorf("log %q, %v", log, err)
	}
}

func TestSkipMissingForgivesAMissingRuntimeOnly(t *testing.T) {
	absent := client{name: "absent", programs: []string{"no-such-runtime"}}
	r := runOne(t.Context(), workplace{cache: t.TempDir()}, options{skipMissing: true}, absent, nil, nil)
	if r.failed != 0 || r.missing != "no-such-runtime" {
		t.Errorf("%+v", r)
	}
}

func TestChoose(t *testing.T) {
	all := []client{{name: "a"}, {name: "b"}, {name: "tools", only: targetOttla}}
	for _, c := range []struct{ list, target, want, err string }{
		{"all", targetOttla, "a b tools", ""},
		{"all", targetApache, "a b", ""},
		{"b, a", targetApache, "a b", ""},
		{"tools", targetApache, "", "-target ottla only"},
		{"c", targetOttla, "", `no client "c"; there are all, a, b, tools`},
	} {
		got, err := choose(all, c.list, c.target)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s on %s: error %v, want %q", c.list, c.target, err, c.err)
			}
			continue
		}
		if err != nil || strings.Join(names(got), " ") != c.want {
			t.Errorf("%s on %s: %v, %v; want %s", c.list, c.target, names(got), err, c.want)
		}
	}
}

func TestInstallOnceAgainOnlyWhenTheFilesChange(t *testing.T) {
	w := workplace{cache: t.TempDir()}
	lock := filepath.Join(t.TempDir(), "lock")
	write := func(text string) {
		if err := os.WriteFile(lock, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var fills int
	install := func(fail error) (string, error) {
		return installOnce(w, "thing", "", lock, func(string) error { fills++; return fail })
	}
	write("one")
	if _, err := install(errors.New("cut")); err == nil {
		t.Fatal("the failure is lost")
	}
	first, err := install(nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := install(nil); err != nil || again != first || fills != 2 {
		t.Errorf("%s %v after %d fills", again, err, fills)
	}
	write("two")
	second, err := install(nil)
	if err != nil || second == first || fills != 3 {
		t.Errorf("%s %v after %d fills", second, err, fills)
	}
	if _, err := os.Stat(first); !os.IsNotExist(err) {
		t.Errorf("the older installation is still there: %v", err)
	}
}
