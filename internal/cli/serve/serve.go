// Package serve runs a node from the command line.
package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/node"
)

// options are the command's flags.
type options struct {
	configFile string
	set        []string
	dataDir    string
	listen     string
	logLevel   string
	logFormat  string
}

// Command returns `ottla serve`.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run a node",
		Long: `Run a node: broker and controller in one.

Without flags it listens on 127.0.0.1:9092 and keeps its data under ./ottla-data. A Kafka server.properties (KRaft) is accepted as it is.
A setting is taken from the first place that has it: --set, the environment (KAFKA_LOG_DIRS for log.dirs), --config, the defaults.

SIGTERM and SIGINT stop the node cleanly; a second signal stops it at once.`,
		Example: `  ottla serve
  ottla serve --data /var/lib/ottla --listen 0.0.0.0:9092
  ottla serve --config /etc/kafka/server.properties --set log.retention.hours=24`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), o, os.Environ(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVarP(&o.configFile, "config", "c", "", "a Kafka server.properties to take settings from")
	f.StringArrayVar(&o.set, "set", nil, "a setting as key=value; may be repeated")
	f.StringVar(&o.dataDir, "data", "", "the data directory (log.dirs)")
	f.StringVar(&o.listen, "listen", "", "the address to listen on, host:port (listeners)")
	f.StringVar(&o.logLevel, "log-level", "warn", "what to log: debug, info, warn, error")
	f.StringVar(&o.logFormat, "log-format", "text", "how to log: text, json")
	return c
}

func run(ctx context.Context, o options, environ []string, out, logTo io.Writer) error {
	started := time.Now()
	var level slog.LevelVar
	logger, err := newLogger(o, &level, logTo)
	if err != nil {
		return usage(err)
	}
	snapshot, warnings, err := load(o, environ)
	if err != nil {
		return usage(err)
	}
	for _, w := range warnings {
		logger.Warn(w)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	startCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		select {
		case <-signals:
			cancel() // also while the node is still starting
			close(stopped)
		case <-ctx.Done():
			close(stopped)
		}
		<-signals
		os.Exit(130)
	}()
	n, err := node.Start(startCtx, node.Options{Config: snapshot, Logger: logger, LogLevel: &level})
	if err != nil {
		if startCtx.Err() != nil {
			return nil // told to stop while it was starting
		}
		return err
	}
	banner(out, n, snapshot, time.Since(started))
	<-stopped
	fmt.Fprintln(out, "stopping")
	if err := n.Close(); err != nil {
		return fmt.Errorf("the node did not stop cleanly: %w", err)
	}
	return nil
}

// usage makes what is wrong with flags and settings the error that a wrong command line is elsewhere, wherever the setting stands.
func usage(err error) error {
	return output.Usagef("%v", err).WithHint("`ottla serve --help` says more, and docs/configuration.md lists every setting.")
}

func newLogger(o options, level *slog.LevelVar, to io.Writer) (*slog.Logger, error) {
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %s: allowed are debug, info, warn and error", o.logLevel)
	}
	handler := &slog.HandlerOptions{Level: level}
	switch o.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(to, handler)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(to, handler)), nil
	}
	return nil, fmt.Errorf("--log-format %s: allowed are text and json", o.logFormat)
}

// load resolves the settings from flags, environment and file.
func load(o options, environ []string) (*config.Snapshot, []string, error) {
	dataDir, err := filepath.Abs(broker.DefaultDataDir)
	if err != nil {
		return nil, nil, err
	}
	l := config.LoadOptions{Environ: environ, Set: o.set, Values: map[string]string{}, Fallback: config.Standalone(dataDir)}
	if o.dataDir != "" {
		if l.Values["log.dirs"], err = filepath.Abs(o.dataDir); err != nil {
			return nil, nil, err
		}
		if err := broker.CheckDataDir(l.Values["log.dirs"]); err != nil {
			return nil, nil, err
		}
	}
	if o.listen != "" {
		l.Values["listeners"] = "PLAINTEXT://" + o.listen
	}
	if o.configFile != "" {
		if l.File, err = os.ReadFile(o.configFile); err != nil {
			return nil, nil, fmt.Errorf("--config: %w", err)
		}
		l.FileName = o.configFile
	}
	return config.Load(l)
}

// banner tells what listens where, and what to try next.
func banner(out io.Writer, n *node.Node, s *config.Snapshot, took time.Duration) {
	fmt.Fprintf(out, "Ottla is ready (%.2f s): cluster %s, node %d\n", took.Seconds(), n.ClusterID(), s.NodeID())
	for _, l := range n.Listeners() {
		host := l.Host
		if l.Wildcard() {
			host = "all addresses"
		}
		fmt.Fprintf(out, "  listens on  %s (%s)\n", net.JoinHostPort(host, strconv.Itoa(l.Port)), l.Name)
	}
	for _, dir := range s.LogDirs() {
		fmt.Fprintf(out, "  data in     %s\n", dir)
	}
	fmt.Fprintf(out, "  try         ottla topic create first --partitions 3\n")
	fmt.Fprintf(out, "              echo hello | ottla produce first\n")
	fmt.Fprintf(out, "              ottla consume first --from start --max 1\n")
}
