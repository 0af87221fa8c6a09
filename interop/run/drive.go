package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// maxLineBytes is the longest line of a client's output that is understood.
const maxLineBytes = 4 << 20

// tally is what a client's output said.
type tally struct {
	passed, failed, skipped int
	failures                []string // "name: reason"
	summary                 string   // the client's own "N passed, N failed"
}

func (t *tally) fail(name, reason string) {
	t.failed++
	t.failures = append(t.failures, name+": "+reason)
}

// drive runs a client to its end and answers its requests to restart the node. n is nil for a suite that has its own nodes.
func drive(ctx context.Context, c command, n node, checks string, log io.Writer, progress func(line string)) tally {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(append(os.Environ(), c.env...), "CHECKS="+checks)
	if n != nil {
		cmd.Env = append(cmd.Env, "BOOTSTRAP="+n.Addr(), "OTTLA_INTEROP_BOOTSTRAP="+n.Addr(), "OTTLA_INTEROP_DATA="+n.DataDir())
	}
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with its children
	cmd.WaitDelay = 5 * time.Second
	var t tally
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.fail("start", err.Error())
		return t
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.fail("start", err.Error())
		return t
	}
	if err := cmd.Start(); err != nil {
		t.fail("start", err.Error())
		return t
	}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxLineBytes)
	for lines.Scan() {
		line := lines.Text()
		fmt.Fprintln(log, line)
		if how, ok := strings.CutPrefix(line, "RESTART "); ok {
			io.WriteString(stdin, restart(ctx, n, how)+"\n")
			continue
		}
		if told := t.take(line); told != "" {
			progress(told)
		}
	}
	io.Copy(io.Discard, stdout) // after a line that was too long
	err = cmd.Wait()
	t.conclude(ctx, err)
	return t
}

// restart does what a client's RESTART line asks and returns the answer.
func restart(ctx context.Context, n node, how string) string {
	if n == nil {
		return "ERROR this entry has no node"
	}
	if why := n.Died(); why != "" { // a restart must not cover it up
		return "ERROR " + why
	}
	switch how {
	case "kill":
		n.Kill()
	case "stop":
		if err := n.Shutdown(); err != nil {
			return "ERROR " + oneLine(err.Error())
		}
	default:
		return "ERROR RESTART kill or RESTART stop, not " + how
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := n.Start(ctx); err != nil {
		return "ERROR " + oneLine(err.Error())
	}
	return "OK"
}

// take counts one line of output; it returns the result that the line told, "" for none.
func (t *tally) take(line string) string {
	if strings.HasPrefix(line, "{") {
		return t.takeGoTest(line)
	}
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "PASS":
		t.passed++
	case "SKIP":
		t.skipped++
	case "FAIL":
		name, reason, _ := strings.Cut(rest, ": ")
		t.fail(name, reason)
	default:
		var passed, failed int
		if n, _ := fmt.Sscanf(line, "%d passed, %d failed", &passed, &failed); n == 2 {
			t.summary = fmt.Sprintf("%d passed, %d failed", passed, failed)
		}
		return ""
	}
	return line
}

// takeGoTest counts an event of `go test -json`. Such a run has no summary of its own, so one is kept here.
func (t *tally) takeGoTest(line string) string {
	var event struct{ Action, Package, Test string }
	if json.Unmarshal([]byte(line), &event) != nil || event.Package == "" {
		return ""
	}
	told := strings.ToUpper(event.Action) + " " + event.Test
	switch {
	case event.Action == "pass" && event.Test != "":
		t.passed++
	case event.Action == "skip" && event.Test != "":
		t.skipped++
	case event.Action == "fail" && event.Test != "":
		t.fail(event.Test, "see the log")
	case event.Action == "fail" && t.failed == 0: // did not build, or ended in a panic
		t.fail(event.Package, "the package failed, see the log")
	default:
		told = ""
	}
	t.summary = fmt.Sprintf("%d passed, %d failed", t.passed, t.failed)
	return told
}

// conclude turns a run that did not end as it should into a failure.
func (t *tally) conclude(ctx context.Context, err error) {
	counted := fmt.Sprintf("%d passed, %d failed", t.passed, t.failed)
	switch {
	case ctx.Err() != nil:
		t.fail("run", "did not end in time and was killed")
	case t.summary == "":
		t.fail("run", fmt.Sprintf("ended without a sum (%v)", err))
	case t.summary != counted:
		t.fail("run", fmt.Sprintf("its sum says %q, its lines %q", t.summary, counted))
	case err != nil && t.failed == 0:
		t.fail("run", fmt.Sprintf("no check failed, but: %v", err))
	case t.passed+t.failed == 0:
		t.fail("run", "nothing ran")
	}
}

func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}

func lastLines(text string, count int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-count):], "\n")
}
