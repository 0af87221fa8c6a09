package storage

import (
	"errors"
	"io/fs"
)

// checkpoints is what a directory's checkpoint files say of its partitions.
type checkpoints struct {
	recoveryPoints map[TopicPartition]int64
	startOffsets   map[TopicPartition]int64
	highWatermarks map[TopicPartition]int64
	cleanerOffsets map[TopicPartition]int64
}

// cleanedTo returns up to where a partition has been compacted.
func (c *checkpoints) cleanedTo(tp TopicPartition) int64 {
	if offset, ok := c.cleanerOffsets[tp]; ok {
		return offset
	}
	return neverCleaned
}

// readCheckpoints reads the files. One that is missing or does not parse counts as empty: that costs a longer recovery, and never data.
func (d *logDir) readCheckpoints() (c checkpoints, err error) {
	for name, into := range map[string]*map[TopicPartition]int64{
		recoveryPointCheckpointName: &c.recoveryPoints,
		startOffsetCheckpointName:   &c.startOffsets,
		highWatermarkCheckpointName: &c.highWatermarks,
		cleanerCheckpointName:       &c.cleanerOffsets,
	} {
		offsets, err := ReadOffsetCheckpoint(d.fs, join(d.path, name))
		switch {
		case err == nil:
			*into = offsets
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, ErrCorrupt):
			d.logger.Warn("a checkpoint cannot be read and is rebuilt", "file", join(d.path, name), "error", err)
		default:
			return c, err
		}
	}
	return c, nil
}

// speakOfOthers tells whether there are offsets of partitions that are not among those found.
func (c *checkpoints) speakOfOthers(found []TopicPartition) bool {
	present := make(map[TopicPartition]bool, len(found))
	for _, tp := range found {
		present[tp] = true
	}
	for _, offsets := range []map[TopicPartition]int64{c.recoveryPoints, c.startOffsets, c.highWatermarks, c.cleanerOffsets} {
		for tp := range offsets {
			if !present[tp] {
				return true
			}
		}
	}
	return false
}

// writeCheckpoints writes the recovery points, start offsets and what the cleaner has changed now. While the directory is being opened it only notes that they are to be
// written, because those of the logs that are not open yet are unknown; they are before the first append.
func (d *logDir) writeCheckpoints() error {
	d.recoveryPoints.changed()
	d.startOffsets.changed()
	if !d.loaded.Load() {
		return nil
	}
	if err := d.writeRecoveryPoints(); err != nil {
		return err
	}
	if err := d.writeStartOffsets(); err != nil {
		return err
	}
	return d.writeCleanerOffsets()
}

func (d *logDir) writeRecoveryPoints() error {
	return d.writeOffsets(&d.recoveryPoints, recoveryPointCheckpointName, func(l *Log) (int64, bool) { return l.RecoveryPoint(), true })
}

// writeStartOffsets writes the start offsets of those logs that do not simply start with their first segment.
func (d *logDir) writeStartOffsets() error {
	return d.writeOffsets(&d.startOffsets, startOffsetCheckpointName, func(l *Log) (int64, bool) {
		start := l.LogStartOffset()
		return start, start > l.list()[0].base
	})
}

func (d *logDir) writeHighWatermarks() error {
	return d.writeOffsets(&d.highWatermarks, highWatermarkCheckpointName, func(l *Log) (int64, bool) { return l.HighWatermark(), true })
}

// writeCleanerOffsets writes up to where each log has been compacted, of those that ever were.
func (d *logDir) writeCleanerOffsets() error {
	return d.writeOffsets(&d.cleanerOffsets, cleanerCheckpointName, func(l *Log) (int64, bool) {
		offset := l.cleanedTo.Load()
		return offset, offset >= 0
	})
}

func (d *logDir) writeOffsets(mark *dirtyMark, name string, of func(*Log) (int64, bool)) error {
	d.checkpointMu.Lock()
	defer d.checkpointMu.Unlock()
	if !mark.take() || d.online() != nil {
		return nil
	}
	offsets := map[TopicPartition]int64{}
	for _, l := range d.manager.logsIn(d) {
		if offset, ok := of(l); ok {
			offsets[l.tp] = offset
		}
	}
	if err := writeOffsetCheckpoint(d.fs, d.path, name, offsets); err != nil {
		mark.changed()
		return err
	}
	return nil
}
