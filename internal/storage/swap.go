package storage

import (
	"math"
	"strings"

	"ottla.dev/ottla/internal/vfs"
)

// finishSwaps completes, or takes back, the replacement of segments by a cleaner that was interrupted. The cleaner writes
// .cleaned files, renames them to .swap when they are complete, removes the old segments and renames again. So: if there
// are .cleaned files, the swap files of that offset and above are incomplete; every other swap file counts, and what of
// the old segments still lies in its range goes.
func (l *Log) finishSwaps(entries []vfs.Entry) ([]vfs.Entry, error) {
	minCleaned, swaps := int64(math.MaxInt64), map[string]int64{}
	for _, e := range entries {
		offset, suffix, ok := parseFileName(e.Name)
		switch {
		case ok && strings.HasSuffix(suffix, cleanedSuffix):
			minCleaned = min(minCleaned, offset)
		case ok && strings.HasSuffix(suffix, swapSuffix):
			swaps[e.Name] = offset
		}
	}
	if len(swaps) == 0 {
		return entries, nil
	}
	from, to := int64(math.MaxInt64), int64(math.MinInt64)
	for name, offset := range swaps {
		if offset >= minCleaned {
			if err := l.fs().Remove(join(l.path(), name)); err != nil {
				return nil, err
			}
			delete(swaps, name)
			continue
		}
		if _, suffix, _ := parseFileName(name); suffix != logSuffix+swapSuffix {
			continue
		}
		next, err := l.swapEnd(name, offset)
		if err != nil {
			return nil, err
		}
		from, to = min(from, offset), max(to, next)
	}
	for _, e := range entries {
		if offset, _, ok := parseFileName(e.Name); ok && offset >= from && offset < to && !strings.HasSuffix(e.Name, swapSuffix) {
			if err := ignoreMissing(l.fs().Remove(join(l.path(), e.Name))); err != nil {
				return nil, err
			}
		}
	}
	for name := range swaps {
		l.logger.Info("finishing an interrupted replacement of segments", "file", join(l.path(), name))
		if err := l.fs().Rename(join(l.path(), name), join(l.path(), strings.TrimSuffix(name, swapSuffix))); err != nil {
			return nil, err
		}
	}
	return l.fs().ReadDir(l.path())
}

// swapEnd returns the offset after the last batch of a swap file.
func (l *Log) swapEnd(name string, base int64) (int64, error) {
	file, err := l.fs().Open(join(l.path(), name))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return 0, err
	}
	return lastOffsetFrom(file, 0, size, base)
}
