package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeNode records what the runner does to it.
type fakeNode struct {
	done      []string
	died      string
	failClose error
	failStart bool
}

func (n *fakeNode) Addr() string    { return "127.0.0.1:1" }
func (n *fakeNode) DataDir() string { return "/data" }
func (n *fakeNode) Kill()           { n.done = append(n.done, "kill") }
func (n *fakeNode) Shutdown() error { n.done = append(n.done, "stop"); return nil }
func (n *fakeNode) Died() string    { return n.died }
func (n *fakeNode) Close(bool) error {
	n.done = append(n.done, "close")
	return n.failClose
}
func (n *fakeNode) Start(context.Context) error {
	n.done = append(n.done, "start")
	if n.failStart {
		return errors.New("port\ntaken")
	}
	return nil
}

// driveScript drives a client that is a shell script.
func driveScript(t *testing.T, n node, script string) tally {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return drive(ctx, command{args: []string{"sh", "-c", script}}, n, "the-filter", io.Discard, func(string) {})
}

func TestClientIsCountedAndRestartsTheNode(t *testing.T) {
	n := &fakeNode{}
	got := driveScript(t, n, `
		test "$BOOTSTRAP $OTTLA_INTEROP_DATA $CHECKS" = "127.0.0.1:1 /data the-filter" && echo PASS environment
		echo some noise, 3 passed
		echo RESTART kill; read answer; echo "PASS $answer"
		echo RESTART stop; read answer; test "$answer" = OK && echo PASS stopped
		echo "FAIL b/two: want 1, got 2: odd"
		echo "SKIP c: cannot"
		echo 3 passed, 1 failed
		exit 1`)
	if got.passed != 3 || got.failed != 1 || got.skipped != 1 {
		t.Errorf("counted %+v", got)
	}
	if want := []string{"b/two: want 1, got 2: odd"}; !slices.Equal(got.failures, want) {
		t.Errorf("failures %q, want %q", got.failures, want)
	}
	if want := []string{"kill", "start", "stop", "start"}; !slices.Equal(n.done, want) {
		t.Errorf("the node went through %v, want %v", n.done, want)
	}
}

func TestRestartThatFailsIsToldToTheClient(t *testing.T) {
	for _, c := range []struct {
		n    node
		how  string
		want string
	}{
		{&fakeNode{failStart: true}, "kill", "ERROR port taken"},
		{&fakeNode{}, "gently", "ERROR RESTART kill or RESTART stop, not gently"},
		{&fakeNode{died: "panic: nil"}, "kill", "ERROR panic: nil"},
		{nil, "kill", "ERROR this entry has no node"},
	} {
		if got := restart(t.Context(), c.n, c.how); got != c.want {
			t.Errorf("%s: answered %q, want %q", c.how, got, c.want)
		}
	}
}

func TestClientThatDoesNotKeepTheContractFails(t *testing.T) {
	for name, c := range map[string]struct{ script, reason string }{
		"no sum":              {`echo PASS a`, "without a sum"},
		"wrong sum":           {`echo PASS a; echo 2 passed, 0 failed`, "its lines"},
		"hidden failure":      {`echo PASS a; echo "FAIL b: c"; echo 2 passed, 0 failed`, "its lines"},
		"exit code":           {`echo PASS a; echo 1 passed, 0 failed; exit 3`, "no check failed, but"},
		"nothing ran":         {`echo 0 passed, 0 failed`, "nothing ran"},
		"does not start":      {`exec /no/such/program`, "without a sum"},
		"go test, no package": {`echo '{"Action":"fail","Package":"p"}'; exit 1`, "the package failed"},
	} {
		got := driveScript(t, &fakeNode{}, c.script)
		if got.failed == 0 || !strings.Contains(strings.Join(got.failures, "\n"), c.reason) {
			t.Errorf("%s: %+v, want a failure with %q", name, got, c.reason)
		}
	}
}

func TestClientThatHangsIsKilledWithItsChildren(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	got := drive(ctx, command{args: []string{"sh", "-c", "echo PASS a; sleep 60 & wait"}}, nil, "", io.Discard, func(string) {})
	if got.failed != 1 || !strings.Contains(got.failures[0], "in time") {
		t.Errorf("%+v", got)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestGoTestsAreCounted(t *testing.T) {
	got := driveScript(t, nil, `
		echo '{"Action":"start","Package":"p"}'
		echo '{"Action":"pass","Package":"p","Test":"TestA"}'
		echo '{"Action":"output","Package":"p","Test":"TestB","Output":"PASS x"}'
		echo '{"Action":"fail","Package":"p","Test":"TestB"}'
		echo '{"Action":"skip","Package":"p","Test":"TestC"}'
		echo '{"Action":"fail","Package":"p"}'
		exit 1`)
	if got.passed != 1 || got.failed != 1 || got.skipped != 1 {
		t.Errorf("counted %+v", got)
	}
}
