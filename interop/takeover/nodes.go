package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/interop/apachekafka"
)

const (
	startPatience = 2 * time.Minute
	stopPatience  = 30 * time.Second
)

// ottla is the process `ottla serve` on a directory of Apache Kafka, with its server.properties.
type ottla struct {
	bin, config, addr, logFile string

	cmd    *exec.Cmd
	exited chan struct{}
}

func (o *ottla) start(ctx context.Context) error {
	out, err := os.OpenFile(o.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer out.Close() // the process keeps its own
	cmd := exec.Command(o.bin, "serve", "--config", o.config, "--log-level", "info")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	o.cmd, o.exited = cmd, exited
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		resp, err := ask[*kmsg.MetadataResponse](ctx, o.addr, kmsg.NewPtrMetadataRequest())
		if err == nil && len(resp.Brokers) > 0 {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("ottla ended: %s (%s)", o.lastLine(), o.logFile)
		case <-ctx.Done():
			o.kill()
			return fmt.Errorf("ottla did not start: %w (%s)", errors.Join(ctx.Err(), err), o.logFile)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (o *ottla) lastLine() string {
	text, _ := os.ReadFile(o.logFile)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

func (o *ottla) kill() {
	if o.cmd != nil {
		o.cmd.Process.Kill()
		<-o.exited
		o.cmd = nil
	}
}

func (o *ottla) stop() error {
	if o.cmd == nil {
		return nil
	}
	o.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-o.exited:
	case <-time.After(stopPatience):
		o.kill()
		return fmt.Errorf("ottla did not stop (%s)", o.logFile)
	}
	code := o.cmd.ProcessState.ExitCode()
	o.cmd = nil
	if code != 0 {
		return fmt.Errorf("ottla ended with %d (%s)", code, o.logFile)
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

// buildOttla returns the binary.
func buildOttla(ctx context.Context, root, dir string) (string, error) {
	bin := filepath.Join(dir, "ottla")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/ottla")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/ottla: %w\n%s", err, out)
	}
	return bin, nil
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
