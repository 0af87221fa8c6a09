package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"ottla.dev/ottla/interop/apachekafka"
	"ottla.dev/ottla/interop/launch"
)

const (
	startPatience = 2 * time.Minute
	stopPatience  = 30 * time.Second
)

// ottla is the process `ottla serve` on a directory of Apache Kafka, with its server.properties.
type ottla struct {
	launch.Process
	bin, config, addr, logFile string
}

func (o *ottla) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	return o.Serve(ctx, exec.Command(o.bin, "serve", "--config", o.config, "--log-level", "info"), o.logFile, o.addr)
}

func (o *ottla) stop() error {
	code, err := o.Stop(stopPatience)
	if err == nil && code != 0 {
		err = fmt.Errorf("it ended with %d", code)
	}
	if err != nil {
		return fmt.Errorf("ottla: %w (%s)", err, o.logFile)
	}
	return nil
}

// export runs the command that gives the metadata to Apache Kafka.
func (o *ottla) export(ctx context.Context, dirs []string, args ...string) error {
	cmd := exec.CommandContext(ctx, o.bin, append(append([]string{"debug", "metadata", "export"}, dirs...), args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("ottla debug metadata export: %w\n%s", err, out)
	}
	return nil
}

// settings are those of both nodes: groups and the cleaner do not wait, and internal topics are small.
var settings = map[string]string{
	"offsets.topic.num.partitions": "4", "transaction.state.log.num.partitions": "4", "group.initial.rebalance.delay.ms": "0",
	"log.cleaner.backoff.ms": "200", "log.cleaner.dedupe.buffer.size": "16777216", "log.retention.check.interval.ms": "1000",
	"transaction.max.timeout.ms": "900000", "log.flush.start.offset.checkpoint.interval.ms": "500", "log.initial.task.delay.ms": "500",
}

func startKafka(ctx context.Context, dir string, properties map[string]string, format []string) (*apachekafka.Broker, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	all := map[string]string{}
	for _, m := range []map[string]string{settings, properties} {
		for key, value := range m {
			all[key] = value
		}
	}
	return apachekafka.Start(ctx, apachekafka.Options{Dir: dir, Properties: all, FormatArgs: format, HeapMB: 400})
}
