// Command record plays the golden scripts to Apache Kafka and writes its answers beside them, or with -check compares them with
// those that are there. `make golden` runs it from the repository's root.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"ottla.dev/ottla/interop/apachekafka"
	"ottla.dev/ottla/interop/golden"
)

func main() {
	root := flag.String("scripts", "interop/golden", "the folder with the scripts")
	only := flag.String("only", "", "play only scripts whose name has this part")
	check := flag.Bool("check", false, "compare with the recordings instead of writing them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *only, *check); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, only string, check bool) (err error) {
	scripts, err := golden.FindScripts(root, only)
	if err != nil {
		return err
	}
	suite := &golden.Suite{Start: StartApacheKafka}
	defer func() {
		if stopErr := suite.Close(); err == nil {
			err = stopErr
		}
	}()
	failed := 0
	for _, s := range scripts {
		began := time.Now()
		outcomes, err := suite.Play(ctx, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			err = keep(s, outcomes, check)
		}
		status := "ok"
		if err != nil {
			failed++
			status = "FAILED: " + err.Error()
		}
		fmt.Printf("%-40s %4d answers %6.2fs  %s\n", s.Name, len(outcomes), time.Since(began).Seconds(), status)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d scripts failed", failed, len(scripts))
	}
	return nil
}

func keep(s *golden.Script, outcomes []golden.Outcome, check bool) error {
	if !check {
		return golden.WriteRecording(s.GoldenFile(), outcomes)
	}
	want, err := golden.ReadRecording(s.GoldenFile())
	if err != nil {
		return err
	}
	mismatches := golden.Compare(s.Name, want, outcomes)
	for _, m := range mismatches {
		fmt.Println(m)
	}
	if len(mismatches) > 0 {
		return fmt.Errorf("%d places differ", len(mismatches))
	}
	return nil
}

// heapMB is enough for scripts and leaves room for a broker of a script's own beside the shared one.
const heapMB = 400

// StartApacheKafka starts the yardstick.
func StartApacheKafka(ctx context.Context, properties map[string]string, features map[string]int16) (*golden.Target, error) {
	options := apachekafka.Options{Properties: properties, HeapMB: heapMB}
	for _, name := range slices.Sorted(maps.Keys(features)) {
		options.FormatArgs = append(options.FormatArgs, "--feature", fmt.Sprintf("%s=%d", name, features[name]))
	}
	broker, err := apachekafka.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	return &golden.Target{
		Addr:    broker.Addr(),
		Replace: map[string]string{broker.Dir(): "<dir>", broker.ClusterID(): "<cluster>", broker.ControllerAddr(): "<controller>"},
		Stop:    broker.Stop,
		Restart: broker.Restart,
	}, nil
}
