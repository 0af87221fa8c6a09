// Command profile runs one load against a node inside this process and writes CPU and allocation profiles, for a look at where
// the broker's time goes. The client is in the profiles too; -focus on ottla.dev/ottla/internal keeps it out.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"

	"ottla.dev/ottla/bench/load"
	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/record"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	kind := flag.String("load", "produce", "produce or fetch")
	out := flag.String("out", ".", "where cpu.prof and allocs.prof go")
	recordBytes := flag.Int("record", 1000, "bytes of a record")
	batchBytes := flag.Int("batch", 16<<10, "bytes of a batch")
	partitions := flag.Int("partitions", 1, "partitions of the topic")
	perRequest := flag.Int("per-request", 1, "partitions in one request")
	keyBytes := flag.Int("key", 0, "bytes of a record's key")
	codec := flag.Int("codec", 0, "compression, as its number in the attributes of a batch: 1 gzip, 2 snappy, 3 lz4, 4 zstd")
	producers := flag.Int("producers", 1, "connections that produce, or fetch")
	answerBytes := flag.Int("answer", 1<<20, "bytes of a partition in a fetch's answer")
	megabytes := flag.Int64("mb", 1024, "how much to move")
	addr := flag.String("addr", "", "put the load on the broker at this address instead, for perf or strace to watch")
	flag.Parse()

	ctx := context.Background()
	if *addr == "" {
		close, started, err := startNode(ctx)
		if err != nil {
			return err
		}
		defer close()
		*addr = started
	}
	const topic = "profile"
	if err := load.CreateTopics(ctx, *addr, *partitions, topic); err != nil {
		return err
	}
	shape := load.Shape{
		RecordBytes: *recordBytes, KeyBytes: *keyBytes, BatchBytes: *batchBytes, Partitions: *partitions, PartitionsPerRequest: *perRequest,
		Codec: record.Codec(*codec),
	}
	measured := func() (load.Done, error) {
		return load.Produce{Shape: shape, Producers: *producers, InFlight: 5, Bytes: *megabytes << 20}.Run(ctx, *addr, topic)
	}
	if *kind == "fetch" {
		if _, err := measured(); err != nil {
			return err
		}
		measured = func() (load.Done, error) {
			return load.Fetch{Partitions: *partitions, Consumers: *producers, MaxBytes: 50 << 20, MaxPartitionBytes: *answerBytes}.Run(ctx, *addr, topic)
		}
	}
	return profile(*out, measured)
}

// startNode runs a node in this process on an empty directory, which close removes.
func startNode(ctx context.Context) (close func(), addr string, err error) {
	dir, err := os.MkdirTemp("", "ottla-profile-")
	if err != nil {
		return nil, "", err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	node, err := broker.Start(ctx, broker.Config{DataDir: filepath.Join(dir, "data"), Addr: "127.0.0.1:0", Logger: logger})
	if err != nil {
		os.RemoveAll(dir)
		return nil, "", err
	}
	return func() {
		if err := node.Close(); err != nil {
			logger.Warn("the node did not stop cleanly", "error", err)
		}
		os.RemoveAll(dir)
	}, node.Addr(), nil
}

// profile runs f under the CPU profiler and tells what it allocated.
func profile(out string, f func() (load.Done, error)) error {
	runtime.MemProfileRate = 4 << 10
	cpu, err := os.Create(filepath.Join(out, "cpu.prof"))
	if err != nil {
		return err
	}
	defer cpu.Close()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	done, err := f()
	runtime.ReadMemStats(&after)
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	allocs, err := os.Create(filepath.Join(out, "allocs.prof"))
	if err != nil {
		return err
	}
	defer allocs.Close()
	if err := pprof.Lookup("allocs").WriteTo(allocs, 0); err != nil {
		return err
	}
	fmt.Printf("%d MB in %s; %d allocations, %d KB, %d collections\n", done.Bytes/1e6, done.Elapsed,
		after.Mallocs-before.Mallocs, (after.TotalAlloc-before.TotalAlloc)/1e3, after.NumGC-before.NumGC)
	return nil
}
