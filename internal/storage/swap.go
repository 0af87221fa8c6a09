package storage

import (
	"errors"
	"math"
	"strings"

	"ottla.dev/ottla/internal/vfs"
)

// finishSwaps completes, or takes back, the replacement of segments by a cleaner that was interrupted. The cleaner writes
// .cleaned files, renames them to .swap when they are complete, removes the old segments and renames again. So: if there
// are .cleaned files, the swap files of that offset and above are incomplete; every other swap file counts, and what of
// the old segments still lies in its range goes. Each step is durable before the next, so that a crash in between finds
// one of the same states.
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
	if err := l.dropIncomplete(swaps, minCleaned); err != nil {
		return nil, err
	}
	if err := l.dropReplaced(swaps, entries); err != nil {
		return nil, err
	}
	// The batches first: while they are called .swap, whatever else there is of their offsets counts as replaced.
	for _, batches := range []bool{true, false} {
		if err := l.nameSwapped(swaps, batches); err != nil {
			return nil, err
		}
	}
	return l.fs().ReadDir(l.path())
}

// dropIncomplete removes the swap files of which some are still called .cleaned. Those go when they are gone.
func (l *Log) dropIncomplete(swaps map[string]int64, minCleaned int64) error {
	dropped := false
	for name, offset := range swaps {
		if offset < minCleaned {
			continue
		}
		if err := l.fs().Remove(join(l.path(), name)); err != nil {
			return err
		}
		delete(swaps, name)
		dropped = true
	}
	return l.syncIf(dropped)
}

// dropReplaced removes the segments that complete swap files replace.
func (l *Log) dropReplaced(swaps map[string]int64, entries []vfs.Entry) error {
	from, to := int64(math.MaxInt64), int64(math.MinInt64)
	for name, offset := range swaps {
		if _, suffix, _ := parseFileName(name); suffix != logSuffix+swapSuffix {
			continue
		}
		next, err := l.swapEnd(name, offset)
		if err != nil {
			return err
		}
		from, to = min(from, offset), max(to, next)
	}
	dropped := false
	for _, e := range entries {
		offset, suffix, ok := parseFileName(e.Name)
		if !ok || offset < from || offset >= to || strings.HasSuffix(suffix, swapSuffix) {
			continue
		}
		if err := ignoreMissing(l.fs().Remove(join(l.path(), e.Name))); err != nil {
			return err
		}
		dropped = true
	}
	return l.syncIf(dropped)
}

// nameSwapped gives the swap files of batches, or all others, their final names.
func (l *Log) nameSwapped(swaps map[string]int64, batches bool) error {
	renamed := false
	for name := range swaps {
		if strings.HasSuffix(name, logSuffix+swapSuffix) != batches {
			continue
		}
		l.logger.Info("finishing an interrupted replacement of segments", "file", join(l.path(), name))
		if err := l.fs().Rename(join(l.path(), name), join(l.path(), strings.TrimSuffix(name, swapSuffix))); err != nil {
			return err
		}
		renamed = true
	}
	return l.syncIf(renamed)
}

func (l *Log) syncIf(changed bool) error {
	if !changed {
		return nil
	}
	return unsyncedError(l.fs().SyncDir(l.path()))
}

// swapEnd returns the offset after the last batch of a swap file.
func (l *Log) swapEnd(name string, base int64) (next int64, err error) {
	file, err := l.fs().Open(join(l.path(), name))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Size()
	if err != nil {
		return 0, err
	}
	next, err = lastOffsetFrom(file, 0, size, base)
	if err != nil && isDamage(err) { // it was synced before it got its name; recovery and readers will say where
		l.logger.Error("a segment that is to replace others is damaged", "file", join(l.path(), name), "error", err)
		err = nil
	}
	return next, err
}
