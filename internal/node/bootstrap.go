package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"ottla.dev/ottla/internal/config/storageformat"
	"ottla.dev/ottla/internal/metadata"
)

// bootstrapFile is where `kafka-storage format` leaves what a new cluster begins with.
const bootstrapFile = "bootstrap.checkpoint"

// bootstrapRecords reads what the directory was formatted with; nil, the defaults, where it was not. Levels of features that this build
// does not serve are passed over: a cluster must not promise what nobody keeps.
func bootstrapRecords(dir string, logger *slog.Logger) ([]metadata.Record, error) {
	name := filepath.Join(dir, bootstrapFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := storageformat.ParseBootstrap(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var records []metadata.Record
	for _, level := range b.Features {
		f, ok := metadata.FeatureByName(level.Name)
		if !ok {
			logger.Info("a feature that the directory was formatted with is not served yet", "feature", level.Name, "level", level.Level)
			continue
		}
		if level.Level < f.Range.Min || level.Level > f.Range.Max {
			return nil, fmt.Errorf("%s: the directory was formatted with %s %d, and this version of Ottla supports %d to %d", name, level.Name, level.Level, f.Range.Min, f.Range.Max)
		}
		records = append(records, metadata.FeatureLevelRecord{Name: level.Name, Level: level.Level})
	}
	if len(b.Credentials) > 0 {
		logger.Warn("the credentials that the directory was formatted with are not used: this version of Ottla has no authentication", "file", name, "credentials", len(b.Credentials))
	}
	return records, nil
}
