// Package broker runs an Ottla node inside a Go program or a test: the same node that `ottla serve` runs, on a port of its own if asked, as many
// in one process as wanted.
package broker

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/node"
)

// Config says how to run a node. The zero value is a node on 127.0.0.1:9092 with its data under ./ottla-data.
type Config struct {
	// DataDir is where topics and metadata are kept (the setting log.dirs). Empty: ./ottla-data.
	DataDir string
	// Addr is what to listen on, such as "127.0.0.1:0" for a free port. Empty: what Properties or File say, or else 127.0.0.1:9092.
	Addr string
	// Properties are Kafka's broker settings by name; they win over File.
	Properties map[string]string
	// File names a Kafka server.properties.
	File string
	// Logger takes the node's log. Nil: warnings and errors go to slog's default logger.
	Logger *slog.Logger
}

// DefaultDataDir is the data directory of a node that is not told another.
const DefaultDataDir = "ottla-data"

// Broker is a running node.
type Broker struct{ node *node.Node }

// Start runs a node and returns when it is ready for clients. The context bounds the start only; Close stops the node.
func Start(ctx context.Context, c Config) (*Broker, error) {
	logger := c.Logger
	if logger == nil {
		logger = slog.Default()
	}
	dir := c.DataDir
	if dir == "" {
		dir = DefaultDataDir
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", c.DataDir, err)
	}
	if err := CheckDataDir(dir); err != nil {
		return nil, err
	}
	load := config.LoadOptions{Values: maps.Clone(c.Properties), Fallback: config.Standalone(dir)}
	if load.Values == nil {
		load.Values = map[string]string{}
	}
	if c.DataDir != "" {
		load.Values["log.dirs"] = dir
	}
	if c.Addr != "" {
		load.Values["listeners"] = "PLAINTEXT://" + c.Addr
	}
	if c.File != "" {
		if load.File, err = os.ReadFile(c.File); err != nil {
			return nil, fmt.Errorf("configuration file: %w", err)
		}
		load.FileName = c.File
	}
	snapshot, warnings, err := config.Load(load)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		logger.Warn(w)
	}
	n, err := node.Start(ctx, node.Options{Config: snapshot, Logger: logger})
	if err != nil {
		return nil, err
	}
	return &Broker{node: n}, nil
}

// CheckDataDir refuses a directory that the setting log.dirs, a list with commas, cannot name.
func CheckDataDir(dir string) error {
	if strings.Contains(dir, ",") {
		return fmt.Errorf("data directory %s: its name has a comma, which separates directories in log.dirs; choose another name", dir)
	}
	return nil
}

// Addr returns the address, host and port, that clients bootstrap from.
func (b *Broker) Addr() string { return b.node.Addr() }

// ClusterID returns the id of the cluster.
func (b *Broker) ClusterID() string { return b.node.ClusterID() }

// Close stops the node cleanly: what is in flight is answered, everything is on stable storage, and the next start has nothing to recover.
func (b *Broker) Close() error { return b.node.Close() }
