// Command takeover proves that a data directory goes from Apache Kafka to Ottla and back with everything in it.
//
//	go run ./interop/takeover
//	go run ./interop/takeover -only kill -keep
//	go run ./interop/takeover -fixture internal/metadata/kraft/testdata
//
// Apache Kafka makes topics of all kinds, configs, records, transactions that commit, abort and stay open, and committed offsets. Both nodes
// are asked a fixed list of questions on the same directory, one after the other, and their answers are compared field by field; what may
// differ stands in allowed.go with the reason. Each question, and each step that goes on working with the directory, is a check. The last
// line is the sum, "N passed, N failed". It needs Java 17, and Maven the first time.
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

	"ottla.dev/ottla/interop/launch"
)

// options are the flags.
type options struct {
	only           string
	keep           bool
	bin            string
	noTransactions bool
	fixture        string
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "run only the scenarios with this text in their name")
	flag.BoolVar(&o.keep, "keep", false, "keep the data directories")
	flag.StringVar(&o.bin, "ottla", "", "an ottla binary; empty: build one")
	flag.BoolVar(&o.noTransactions, "no-transactions", false, "leave transactions out")
	flag.StringVar(&o.fixture, "fixture", "", "write the test data of internal/metadata/kraft into this folder, and nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "takeover:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// dirNames makes the name of a scenario one of a directory that log.dirs can name.
var dirNames = strings.NewReplacer(" ", "-", ",", "")

func run(ctx context.Context, o options) (failed int, err error) {
	root, err := launch.RepositoryRoot()
	if err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp("", "ottla-takeover-")
	if err != nil {
		return 0, err
	}
	if !o.keep {
		defer os.RemoveAll(work)
	} else {
		fmt.Println("the data directories are in", work)
	}
	if o.fixture != "" {
		return 0, writeFixture(ctx, work, o.fixture)
	}
	if o.bin == "" {
		o.bin = filepath.Join(work, "ottla")
		if err := launch.BuildOttla(ctx, root, o.bin); err != nil {
			return 0, err
		}
	}
	passed := 0
	for _, s := range scenarios {
		if !strings.Contains(s.name, o.only) {
			continue
		}
		p := &play{ctx: ctx, o: o, scenario: s, dir: filepath.Join(work, dirNames.Replace(s.name))}
		p.run()
		passed, failed = passed+p.passed, failed+p.failed
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	return failed, ctx.Err()
}
