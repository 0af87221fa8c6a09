package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// exitedNode is a node whose process, a shell script, has ended.
func exitedNode(t *testing.T, script string) *ottlaNode {
	t.Helper()
	n := &ottlaNode{logFile: filepath.Join(t.TempDir(), "log")}
	if err := n.Process.Start(exec.Command("sh", "-c", script), n.logFile); err != nil {
		t.Fatal(err)
	}
	n.Wait()
	return n
}

func TestDeathOfTheNodeIsTold(t *testing.T) {
	for script, want := range map[string]string{
		`echo level=INFO; echo "panic: nil map"; echo; echo goroutine 1; exit 2`: "ended by itself: panic: nil map goroutine 1",
		`echo "WARNING: DATA RACE"; echo Read at 1; exit 66`:                     "ended by itself: WARNING: DATA RACE Read at 1",
		`echo killed; exit 7`: "ended by itself with 7: killed",
	} {
		if got := exitedNode(t, script).Died(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	if got := (&ottlaNode{}).Died(); got == "" {
		t.Error("a node without a process is alive")
	}
	running := &ottlaNode{}
	if err := running.Process.Start(exec.Command("sleep", "60"), filepath.Join(t.TempDir(), "log")); err != nil {
		t.Fatal(err)
	}
	defer running.Kill()
	if got := running.Died(); got != "" {
		t.Errorf("a running node is told dead: %s", got)
	}
}

func TestReservedAddressesDifferAndLieBelowTheEphemeralRange(t *testing.T) {
	seen := map[string]bool{}
	for range 20 {
		addr, err := reserveAddr()
		if err != nil {
			t.Fatal(err)
		}
		if seen[addr] || !strings.HasPrefix(addr, "127.0.0.1:260") {
			t.Errorf("address %s after %v", addr, seen)
		}
		seen[addr] = true
	}
}
