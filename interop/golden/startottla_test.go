package golden

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/broker"
)

func init() { startOttla = startInProcess }

// startInProcess runs a node in the test's process. OTTLA_GOLDEN_LOG shows its warnings.
func startInProcess(ctx context.Context, properties map[string]string, features map[string]int16) (*Target, error) {
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
	if err := setLevels(target, features); err != nil {
		return nil, errors.Join(err, target.Stop())
	}
	return target, nil
}

// setLevels brings features to the levels that a script wants, up or down, as an administrator would.
func setLevels(target *Target, features map[string]int16) error {
	if len(features) == 0 {
		return nil
	}
	p, done := setupPlayer(target)
	defer done()
	update := kmsg.NewPtrUpdateFeaturesRequest()
	update.TimeoutMillis = 10_000
	for _, name := range slices.Sorted(maps.Keys(features)) {
		one := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		one.Feature, one.MaxVersionLevel, one.UpgradeType = name, features[name], safeDowngrade
		update.FeatureUpdates = append(update.FeatureUpdates, one)
	}
	answer, err := p.ask(update, 1)
	if err != nil {
		return fmt.Errorf("levels of features: %w", err)
	}
	if code := answer.(*kmsg.UpdateFeaturesResponse).ErrorCode; code != 0 {
		return fmt.Errorf("levels of features: %w", kerr.ErrorForCode(code))
	}
	return nil
}

const safeDowngrade = 2
