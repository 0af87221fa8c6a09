package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config/storageformat"
	"ottla.dev/ottla/internal/metadata"
)

func bootstrapDir(t *testing.T, levels map[string]int16) string {
	t.Helper()
	b, err := storageformat.NewBootstrap(levels, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := b.Encode(time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, bootstrapFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFormattedDirectoryGivesItsFeatureLevels(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	records, err := bootstrapRecords(bootstrapDir(t, map[string]int16{"metadata.version": 25, "transaction.version": 1, "share.version": 1}), logger)
	if err != nil {
		t.Fatal(err)
	}
	want := []metadata.Record{metadata.FeatureLevelRecord{Name: "metadata.version", Level: 25}, metadata.FeatureLevelRecord{Name: "transaction.version", Level: 1}}
	if !slices.Equal(records, want) {
		t.Fatalf("records %+v: want %+v, and nothing of what is not served", records, want)
	}
	if records, err := bootstrapRecords(t.TempDir(), logger); records != nil || err != nil {
		t.Fatalf("a directory that was not formatted: %v, %v", records, err)
	}
}

func TestDamagedBootstrapFileIsNamed(t *testing.T) {
	dir := bootstrapDir(t, map[string]int16{"metadata.version": 25})
	name := filepath.Join(dir, bootstrapFile)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 0xff
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bootstrapRecords(dir, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), name) {
		t.Fatalf("got %v, want an error that names the file", err)
	}
}
