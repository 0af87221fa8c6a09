package golden

import (
	"context"
	"log/slog"
	"os"

	"ottla.dev/ottla/broker"
)

func init() { startOttla = startInProcess }

// startInProcess runs a node in the test's process. OTTLA_GOLDEN_LOG shows its warnings.
func startInProcess(ctx context.Context, properties map[string]string) (*Target, error) {
	dir, err := os.MkdirTemp("", "ottla-golden-")
	if err != nil {
		return nil, err
	}
	logger := slog.New(slog.DiscardHandler)
	if os.Getenv("OTTLA_GOLDEN_LOG") != "" {
		logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	run := func(ctx context.Context) (*broker.Broker, error) {
		return broker.Start(ctx, broker.Config{DataDir: dir, Addr: "127.0.0.1:0", Properties: properties, Logger: logger})
	}
	b, err := run(ctx)
	if err != nil {
		return nil, err
	}
	target := &Target{Addr: b.Addr(), Replace: map[string]string{dir: "<dir>", b.ClusterID(): "<cluster>"}}
	target.Restart = func(ctx context.Context) error {
		if err := b.Close(); err != nil {
			return err
		}
		if b, err = run(ctx); err != nil {
			return err
		}
		target.Addr = b.Addr()
		return nil
	}
	target.Stop = func() error {
		defer os.RemoveAll(dir)
		return b.Close()
	}
	return target, nil
}
