package node

import (
	"log/slog"
	"testing"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/metadata"
)

// TestTransactionVersionOfADirectory: a fresh one begins with the newest level, a formatted one with what it was told, and one that does not name
// the feature, as those of before it, stays without until somebody raises it.
func TestTransactionVersionOfADirectory(t *testing.T) {
	for name, test := range map[string]struct {
		levels map[string]int16 // nil: not formatted
		want   int16
	}{
		"fresh":                 {nil, 2},
		"formatted with 1":      {map[string]int16{metadata.MetadataVersion: 30, metadata.TransactionVersion: 1}, 1},
		"formatted with 0":      {map[string]int16{metadata.MetadataVersion: 30, metadata.TransactionVersion: 0}, 0},
		"of before the feature": {map[string]int16{metadata.MetadataVersion: 30}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if test.levels != nil {
				dir = bootstrapDir(t, test.levels)
			}
			for range 2 { // and after a restart
				snapshot, _, err := config.Load(config.LoadOptions{Values: map[string]string{"log.dirs": dir, "listeners": "PLAINTEXT://127.0.0.1:0"}, Fallback: config.Standalone(dir)})
				if err != nil {
					t.Fatal(err)
				}
				n, err := Start(t.Context(), Options{Config: snapshot, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				level, finalized := n.controller.Image().Features[metadata.TransactionVersion]
				if err := n.Close(); err != nil {
					t.Fatal(err)
				}
				if level != test.want || finalized != (test.want > 0) {
					t.Errorf("level %d, finalized %t; want %d", level, finalized, test.want)
				}
			}
		})
	}
}
