package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"

	"ottla.dev/ottla/interop/streams"
)

// driveStreams plays the trial of interop/streams. STREAMS_SEED repeats one; without it every run has a seed of its own, which is
// printed.
func driveStreams(ctx context.Context, c command, n node, checks string, log io.Writer, progress func(line string)) tally {
	var t tally
	if !strings.Contains("streams/", checks) && !strings.HasPrefix(checks, "streams") { // one trial gives all of its results
		t.skipped++
		return t
	}
	seed := rand.Uint64N(1_000_000)
	if text := os.Getenv("STREAMS_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.fail("streams/seed", "STREAMS_SEED is no number: "+text)
			return t
		}
		seed = given
	}
	dir, err := os.MkdirTemp("", "ottla-interop-streams-")
	if err != nil {
		t.fail("streams/start", err.Error())
		return t
	}
	defer os.RemoveAll(dir)
	told := func(line string) {
		fmt.Fprintln(log, line)
		progress(line)
	}
	told(fmt.Sprintf("seed %d (STREAMS_SEED=%d repeats it)", seed, seed))
	results, err := streams.Run(ctx, streams.Options{
		Node: n, App: streams.Command{Args: c.args, Dir: c.dir, Env: c.env}, Seed: seed, Dir: dir, Log: log, Progress: told,
		ForgetsMarkers: slices.Contains(c.env, "TARGET="+targetApache),
	})
	for _, r := range results {
		if r.Problem != "" {
			told("FAIL " + r.Name + ": " + r.Problem)
			t.fail(r.Name, fmt.Sprintf("%s (seed %d)", r.Problem, seed))
			continue
		}
		told("PASS " + r.Name)
		t.passed++
	}
	if err != nil {
		told("FAIL streams/run: " + err.Error())
		t.fail("streams/run", fmt.Sprintf("%s (seed %d)", oneLine(err.Error()), seed))
	}
	return t
}
