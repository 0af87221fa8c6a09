package storage

import (
	"fmt"

	"ottla.dev/ottla/internal/storage/compact"
)

// neverCleaned is where a log stands that the cleaner's checkpoint does not know.
const neverCleaned = -1

// noteCleaned moves the log's checkpoint, unless the log was truncated meanwhile.
func (l *Log) noteCleaned(offset int64, truncations uint64) error {
	l.mu.Lock()
	if l.truncations.Load() != truncations {
		l.mu.Unlock()
		return fmt.Errorf("%w: it was truncated", errCleaningAborted)
	}
	l.cleanedTo.Store(offset)
	l.mu.Unlock()
	l.dir.cleanerOffsets.changed()
	return l.dir.fail("writing the cleaner's checkpoint", l.dir.writeCleanerOffsets())
}

// lowerCleaned takes note of a truncation: what comes after has never been cleaned. It is called before something can be appended.
func (l *Log) lowerCleaned(offset int64) {
	if l.cleanedTo.Load() > offset {
		l.cleanedTo.Store(offset)
		l.dir.cleanerOffsets.changed()
	}
}

// lastRecords returns where the active producers stand.
func (l *Log) lastRecords() (map[int64]compact.LastRecord, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return nil, err
	}
	if err := l.producers.load(l.LogEndOffset()); err != nil {
		return nil, err
	}
	last := make(map[int64]compact.LastRecord, len(l.producers.entries))
	for id, e := range l.producers.entries {
		r := compact.LastRecord{LastOffset: -1, Epoch: e.epoch}
		if m, ok := e.last(); ok {
			r.LastOffset = m.lastOffset
		}
		last[id] = r
	}
	return last, nil
}
