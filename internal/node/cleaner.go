package node

import (
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/storage"
)

// cleanerOptions returns the settings of the log cleaner.
func cleanerOptions(s *config.Snapshot) storage.CleanerOptions {
	return storage.CleanerOptions{
		Disabled:          !s.Bool("log.cleaner.enable"),
		Threads:           s.Int("log.cleaner.threads"),
		DedupeBufferBytes: s.Long("log.cleaner.dedupe.buffer.size"),
		IOBufferBytes:     s.Int("log.cleaner.io.buffer.size"),
		LoadFactor:        s.Double("log.cleaner.io.buffer.load.factor"),
		MaxBytesPerSecond: s.Double("log.cleaner.io.max.bytes.per.second"),
		Backoff:           s.Millis("log.cleaner.backoff.ms"),
	}
}
