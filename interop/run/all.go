package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// result is a client's row in the table.
type result struct {
	client string
	tally
	took    time.Duration
	missing string // the program that is not installed, where that is forgiven
}

// runAll runs the clients, o.parallel at a time. Results are in the order of clients.
func runAll(ctx context.Context, w workplace, o options, clients []client, start startFunc, out io.Writer) []result {
	results := make([]result, len(clients))
	var printing sync.Mutex
	slots := make(chan struct{}, max(1, o.parallel))
	var running sync.WaitGroup
	for i, c := range clients {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			results[i] = runOne(ctx, w, o, c, start, func(line string) {
				printing.Lock()
				defer printing.Unlock()
				fmt.Fprintf(out, "%-20s %s\n", c.name, line)
			})
		})
	}
	running.Wait()
	return results
}

func runOne(ctx context.Context, w workplace, o options, c client, start startFunc, progress func(string)) (r result) {
	r.client = c.name
	began := time.Now()
	defer func() { r.took = time.Since(began) }()
	for _, program := range c.programs {
		if _, err := exec.LookPath(program); err != nil {
			if o.skipMissing {
				r.missing = program
				return r
			}
			r.fail("install", fmt.Sprintf("%s is not on the PATH: install it, or leave %s out with -skip-missing", program, c.name))
			return r
		}
	}
	command, err := c.install(ctx, w)
	if err != nil {
		r.fail("install", err.Error())
		return r
	}
	command.env = append(append(command.env, "TARGET="+o.target), c.env...)
	log, err := os.Create(filepath.Join(w.outDir(), o.target+"-"+c.name+".log"))
	if err != nil {
		r.fail("log", err.Error())
		return r
	}
	defer log.Close()
	var n node
	if !slices.Contains(c.ownNodes, o.target) {
		if n, err = start(ctx, c.name, wanted{c.settings, c.features}); err != nil {
			r.fail("node", err.Error())
			return r
		}
		defer func() {
			if err := n.Close(o.keepNode); err != nil {
				r.fail("stop", err.Error())
			}
		}()
	}
	limited, cancel := context.WithTimeout(ctx, o.clientTimeout)
	defer cancel()
	run := drive
	if c.drive != nil {
		run = c.drive
	}
	r.tally = run(limited, command, n, o.checks, log, progress)
	if n != nil && ctx.Err() == nil {
		if why := n.Died(); why != "" {
			r.fail("node", why)
		}
	}
	return r
}

// printTable prints a row per client, every failure, and the sum as the last line. It returns how many checks failed.
func printTable(out io.Writer, target string, results []result, took time.Duration) int {
	var passed, failed int
	fmt.Fprintf(out, "\n%-20s %7s %7s %8s %8s\n", "against "+target, "passed", "failed", "skipped", "seconds")
	for _, r := range results {
		note := ""
		if r.missing != "" {
			note = "  left out: no " + r.missing
		}
		fmt.Fprintf(out, "%-20s %7d %7d %8d %8.0f%s\n", r.client, r.passed, r.failed, r.skipped, r.took.Seconds(), note)
		passed, failed = passed+r.passed, failed+r.failed
	}
	for _, r := range results {
		for _, failure := range r.failures {
			fmt.Fprintf(out, "FAILED %s %s\n", r.client, failure)
		}
	}
	fmt.Fprintf(out, "%.0f seconds\n%d passed, %d failed\n", took.Seconds(), passed, failed)
	return failed
}
