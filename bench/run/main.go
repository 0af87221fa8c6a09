// Command run compares Ottla, Apache Kafka and the floor programs, and prints one table. `make bench` calls it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"ottla.dev/ottla/bench/report"
	"ottla.dev/ottla/bench/target"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	quick      bool
	only       string
	out        string
	rounds     int
	partitions int
	sides      string
	ottla      string
	tmp        string
	list       bool
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	f := flag.NewFlagSet("bench/run", flag.ContinueOnError)
	f.BoolVar(&o.quick, "quick", false, "a few loads, three short rounds: about two minutes")
	f.StringVar(&o.only, "only", "", "comma-separated beginnings of the names of the loads to run; see -list")
	f.StringVar(&o.out, "out", "", "also write every sample and the rows as JSON to this file")
	f.IntVar(&o.rounds, "rounds", 0, "counted rounds (default 5, with -quick 3)")
	f.IntVar(&o.partitions, "partitions", 0, "for the load partitions (default 5000, with -quick 1000)")
	f.StringVar(&o.sides, "sides", "ottla,apache,floor", "which sides take part; the first is compared with the others")
	f.StringVar(&o.ottla, "ottla", "", "the program to measure (default: built from this tree)")
	f.StringVar(&o.tmp, "tmp", "", "where data goes (default: the system's temporary directory)")
	f.BoolVar(&o.list, "list", false, "list the loads and end")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if o.list {
		for _, l := range loads(false) {
			fmt.Fprintf(out, "%-22s %s\n", l.name, l.about)
		}
		return nil
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	started := time.Now()
	failed := b.runAll()
	b.status("")
	rows := report.Rows(b.samples, b.sides[0])
	fmt.Fprintf(out, "%s\n%d rounds, median (smallest..largest); ratios are medians of the rounds' ratios; took %s\n\n", machine(), b.rounds, time.Since(started).Round(time.Second))
	if err := report.Table(out, rows, b.sides); err != nil {
		return err
	}
	if o.out != "" {
		if err := writeJSON(o.out, b, rows); err != nil {
			return err
		}
	}
	return failed
}

func writeJSON(path string, b *bench, rows []report.Row) error {
	text, err := json.MarshalIndent(map[string]any{
		"machine": machine(), "time": time.Now().UTC().Format(time.RFC3339), "rounds": b.rounds, "quick": b.quick,
		"sides": b.sides, "rows": rows, "samples": b.samples,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// chosen tells whether -only names a load.
func (o options) chosen(name string) bool {
	return o.only == "" || slices.ContainsFunc(strings.Split(o.only, ","), func(prefix string) bool {
		return prefix != "" && strings.HasPrefix(name, prefix)
	})
}

func checkSides(list string) ([]string, error) {
	sides := strings.Split(list, ",")
	known := []string{target.NameOttla, target.NameApache, target.NameFloor}
	for i, side := range sides {
		if !slices.Contains(known, side) {
			return nil, fmt.Errorf("-sides %s: %q is not one of %s", list, side, strings.Join(known, ", "))
		}
		if slices.Contains(sides[:i], side) {
			return nil, fmt.Errorf("-sides %s: %s twice", list, side)
		}
	}
	return sides, nil
}
