// Command run drives real Kafka clients of several languages against one target, Ottla or Apache Kafka, and counts their checks.
//
//	go run ./interop/run -target ottla -clients all
//	go run ./interop/run -target apache -clients java-4.3,kafkajs -checks group/
//
// The checks are the same for both targets: those against Apache Kafka prove the checks, those against Ottla prove Ottla. Every
// client gets a node of its own on an empty directory, so that one client's topics, groups and restarts do not disturb another.
// What a client needs from its registry goes into .cache/interop once. The contract between this program and a client is in
// ../clients/README.md. The last line is the sum, "N passed, N failed"; the exit code is 0 only when nothing failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"ottla.dev/ottla/interop/launch"
)

// options are the flags.
type options struct {
	target        string
	clients       string
	checks        string
	skipMissing   bool
	parallel      int
	clientTimeout time.Duration
	keepNode      bool
	race          bool
}

func main() {
	var o options
	flag.StringVar(&o.target, "target", "ottla", "what to run the clients against: ottla or apache")
	flag.StringVar(&o.clients, "clients", "all", "names of clients, separated by commas: "+strings.Join(names(catalogue), ", "))
	flag.StringVar(&o.checks, "checks", "", "run only the checks whose name contains this text")
	flag.BoolVar(&o.skipMissing, "skip-missing", false, "leave out clients whose runtime (Java, Python, Node) is not installed, instead of failing")
	flag.IntVar(&o.parallel, "parallel", 2, "how many clients run at the same time")
	flag.DurationVar(&o.clientTimeout, "client-timeout", 15*time.Minute, "how long one client may take after its installation")
	flag.BoolVar(&o.keepNode, "keep-node", false, "keep the data directory of every node")
	flag.BoolVar(&o.race, "race", false, "build Ottla with the race detector; a race ends the node and is a failure")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// run returns how many checks failed.
func run(ctx context.Context, o options) (int, error) {
	root, err := launch.RepositoryRoot()
	if err != nil {
		return 0, err
	}
	if err := os.Chdir(root); err != nil {
		return 0, err
	}
	chosen, err := choose(catalogue, o.clients, o.target)
	if err != nil {
		return 0, err
	}
	w := workplace{root: root, cache: filepath.Join(root, ".cache", "interop"), target: o.target}
	if err := os.MkdirAll(w.outDir(), 0o755); err != nil {
		return 0, err
	}
	start, err := starter(ctx, w, o)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	results := runAll(ctx, w, o, chosen, start, os.Stdout)
	return printTable(os.Stdout, o.target, results, time.Since(began)), nil
}
