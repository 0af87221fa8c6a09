// Package gocheck is what the client programs in Go share: the lines they print, and the scenario of members that come and go.
// The contract is in ../README.md.
package gocheck

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// Run counts the checks of one program.
type Run struct {
	only           string
	stdin          *bufio.Reader
	passed, failed int
}

// New starts a run; CHECKS limits it.
func New() *Run {
	return &Run{only: os.Getenv("CHECKS"), stdin: bufio.NewReader(os.Stdin)}
}

// Bootstrap is the node's address.
func Bootstrap() string { return os.Getenv("BOOTSTRAP") }

// C is one running check.
type C struct {
	context.Context
	run *Run
}

// failure is what Fatalf panics with.
type failure string

// Fatalf ends the check.
func (c *C) Fatalf(format string, args ...any) {
	panic(failure(fmt.Sprintf(format, args...)))
}

// Must ends the check when err is not nil.
func (c *C) Must(err error, doing string, args ...any) {
	if err != nil {
		c.Fatalf("%s: %v", fmt.Sprintf(doing, args...), err)
	}
}

// WantError ends the check unless err is want.
func (c *C) WantError(err, want error, doing string) {
	if !errors.Is(err, want) {
		c.Fatalf("%s: want error %v, got %v", doing, want, err)
	}
}

// Eventually waits until problem returns "", which it asks often; it ends the check with the last problem.
func (c *C) Eventually(problem func() string) {
	for {
		last := problem()
		if last == "" {
			return
		}
		select {
		case <-c.Done():
			c.Fatalf("%s", last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Restart has the node killed ("kill") or stopped in an orderly way ("stop") and started again.
func (c *C) Restart(how string) {
	fmt.Println("RESTART " + how)
	answer, err := c.run.stdin.ReadString('\n')
	if answer = strings.TrimSpace(answer); err != nil || answer != "OK" {
		c.Fatalf("restart of the node: %s (%v)", answer, err)
	}
}

// Check runs one check; it fails when f panics or calls Fatalf, and f's context ends after the limit.
func (r *Run) Check(name string, limit time.Duration, f func(c *C)) {
	if !strings.Contains(name, r.only) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan string, 1)
	go func() {
		defer func() {
			switch v := recover().(type) {
			case nil:
				done <- ""
			case failure:
				done <- string(v)
			default:
				done <- fmt.Sprintf("panic: %v\n%s", v, debug.Stack())
			}
		}()
		f(&C{ctx, r})
	}()
	var reason string
	select {
	case reason = <-done:
	case <-time.After(limit + 15*time.Second):
		reason = fmt.Sprintf("still running %s after its limit", 15*time.Second)
	}
	if reason == "" {
		r.passed++
		fmt.Println("PASS " + name)
		return
	}
	r.failed++
	fmt.Printf("FAIL %s: %s\n", name, strings.ReplaceAll(reason, "\n", " | "))
}

// Finish prints the sum and ends the program.
func (r *Run) Finish() {
	fmt.Printf("%d passed, %d failed\n", r.passed, r.failed)
	if r.failed > 0 {
		os.Exit(1)
	}
	os.Exit(0)
}

// Unique makes a name for a topic or group that this run has not used.
func Unique(prefix string) string {
	uniques++
	return fmt.Sprintf("%s-%d-%d", prefix, os.Getpid(), uniques)
}

var uniques int
