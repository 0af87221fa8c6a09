package storage

import (
	"errors"
	"io/fs"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"ottla.dev/ottla/internal/vfs"
)

// epochCache knows at which offset each leader epoch of a log begins (KIP-101). It reads the partition's
// leader-epoch-checkpoint when it is first asked, and replaces the file at each change. The file is synced with the next
// flush: what a crash takes of it is found again in the batches past the recovery point.
type epochCache struct {
	mu      sync.Mutex // guards the rest
	loaded  bool
	dirty   bool  // changed since the last sync
	newFrom int64 // while dirty: nothing has changed that speaks of offsets below; -1: all may have
	damaged bool  // recovery found no file that it can add to
	entries []EpochEntry

	newest atomic.Int64 // one more than the epoch of the last entry, 0 without entries; set under mu
}

// epochSource is where an epochCache finds its file, and how it makes it anew should the file be damaged: a *Log.
type epochSource interface {
	fs() vfs.FS
	path() string
	rebuildEpochs() ([]EpochEntry, error)
}

func (c *epochCache) load(source epochSource) error {
	if c.loaded {
		return nil
	}
	entries, err := ReadEpochCheckpoint(source.fs(), join(source.path(), epochCheckpointName))
	lost := errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrCorrupt)
	damaged := errors.Is(err, ErrCorrupt)
	if lost {
		entries, err = source.rebuildEpochs()
	}
	if err != nil {
		return err
	}
	for _, e := range entries { // through assign, so that a file out of order does no harm
		c.assignEntry(e)
	}
	c.loaded = true
	if damaged {
		return ignoreTransient(c.write(source))
	}
	if lost && len(entries) > 0 { // the next flush writes them: after a crash that is so for thousands of partitions, whose start would wait
		c.dirty, c.newFrom = true, -1
	}
	return nil
}

// assign notes that an epoch begins at an offset, unless it is known to begin earlier.
func (c *epochCache) assign(source epochSource, epoch int32, startOffset int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(source); err != nil {
		return err
	}
	before := len(c.entries)
	if c.assignEntry(EpochEntry{epoch, startOffset}) {
		// Written with the next flush: an epoch without records says nothing that a restart needs, and one with records is found in
		// them. Thousands of idle partitions get a new epoch at every start.
		from := startOffset
		if len(c.entries) <= before {
			from = -1 // it took the place of others
		}
		if !c.dirty || from < c.newFrom {
			c.newFrom = from
		}
		c.dirty = true
	}
	return nil
}

// assignEntry removes what contradicts the new entry: epochs that are not lower, or begin not before.
func (c *epochCache) assignEntry(e EpochEntry) bool {
	if e.Epoch < 0 || e.StartOffset < 0 {
		return false
	}
	if n := len(c.entries); n > 0 && c.entries[n-1].Epoch == e.Epoch && c.entries[n-1].StartOffset <= e.StartOffset {
		return false
	}
	for n := len(c.entries); n > 0 && (c.entries[n-1].Epoch >= e.Epoch || c.entries[n-1].StartOffset >= e.StartOffset); n-- {
		c.entries = c.entries[:n-1]
	}
	c.entries = append(c.entries, e)
	c.noteNewest()
	return true
}

func (c *epochCache) noteNewest() {
	newest := int64(0)
	if n := len(c.entries); n > 0 {
		newest = int64(c.entries[n-1].Epoch) + 1
	}
	c.newest.Store(newest)
}

// isNewest tells whether an epoch is known to be the newest, without a lock.
func (c *epochCache) isNewest(epoch int32) bool { return c.newest.Load() == int64(epoch)+1 }

func (c *epochCache) write(source epochSource) error {
	c.dirty, c.newFrom = true, -1
	return writeEpochCheckpoint(source.fs(), source.path(), c.entries, unsynced)
}

// sync makes the file durable if what it says of the records before the log end offset has changed.
func (c *epochCache) sync(source epochSource, logEndOffset int64) (written bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dirty || c.newFrom >= logEndOffset {
		return false, nil
	}
	if err := writeEpochCheckpoint(source.fs(), source.path(), c.entries, contentsSynced); err != nil {
		return false, err
	}
	c.dirty = false
	return true, nil
}

func (c *epochCache) latest(source epochSource) (e EpochEntry, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(source); err != nil || len(c.entries) == 0 {
		return e, false, err
	}
	return c.entries[len(c.entries)-1], true, nil
}

func (c *epochCache) earliest(source epochSource) (e EpochEntry, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(source); err != nil || len(c.entries) == 0 {
		return e, false, err
	}
	return c.entries[0], true, nil
}

// forOffset returns the epoch that an offset belongs to.
func (c *epochCache) forOffset(source epochSource, offset int64) (epoch int32, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(source); err != nil {
		return 0, false, err
	}
	i := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].StartOffset > offset })
	if i == 0 {
		return 0, false, nil
	}
	return c.entries[i-1].Epoch, true, nil
}

// endOffset answers what KIP-279 asks of a leader: the largest epoch it knows that is not above the given one, and where
// that ends. -1, -1 if the epoch is above all known.
func (c *epochCache) endOffset(source epochSource, epoch int32, logEndOffset int64) (found int32, end int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(source); err != nil {
		return -1, -1, err
	}
	n := len(c.entries)
	if epoch < 0 || n == 0 {
		return -1, -1, nil
	}
	if c.entries[n-1].Epoch == epoch {
		return epoch, logEndOffset, nil
	}
	higher := sort.Search(n, func(i int) bool { return c.entries[i].Epoch > epoch })
	switch higher {
	case n:
		return -1, -1, nil
	case 0: // all known epochs are higher: the asked one can have nothing that is not before the first of them
		return epoch, c.entries[0].StartOffset, nil
	}
	return c.entries[higher-1].Epoch, c.entries[higher].StartOffset, nil
}

// truncateFromEnd forgets the epochs that begin at or after an offset.
func (c *epochCache) truncateFromEnd(source epochSource, offset int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(source); err != nil {
		return err
	}
	n := len(c.entries)
	for n > 0 && c.entries[n-1].StartOffset >= offset {
		n--
	}
	if n == len(c.entries) {
		return nil
	}
	c.entries = c.entries[:n]
	c.noteNewest()
	return c.write(source)
}

// truncateFromStart forgets the epochs that end before an offset; the one that holds it begins there from now on.
func (c *epochCache) truncateFromStart(source epochSource, offset int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(source); err != nil {
		return err
	}
	before := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].StartOffset > offset })
	if before == 0 || before == 1 && c.entries[0].StartOffset == offset {
		return nil
	}
	c.entries = slices.Delete(c.entries, 0, before-1)
	c.entries[0].StartOffset = offset
	return c.write(source)
}

func (c *epochCache) clear(source epochSource) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded, c.entries = true, nil
	c.noteNewest()
	return c.write(source)
}

// all returns a copy of the entries.
func (c *epochCache) all(source epochSource) ([]EpochEntry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(source); err != nil {
		return nil, err
	}
	return slices.Clone(c.entries), nil
}

// recovered notes the epoch of a batch that recovery reads. If the file is missing or damaged nothing is noted: once the
// log is loaded, load finds all epochs in the batches.
func (c *epochCache) recovered(source epochSource, epoch int32, startOffset int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.damaged {
		return nil
	}
	if !c.loaded {
		entries, err := ReadEpochCheckpoint(source.fs(), join(source.path(), epochCheckpointName))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrCorrupt) {
			c.damaged = true
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			c.assignEntry(e)
		}
		c.loaded = true
	}
	if n := len(c.entries); n > 0 && c.entries[n-1].Epoch >= epoch {
		return nil
	}
	c.assignEntry(EpochEntry{epoch, startOffset})
	// As in assign: written with the next flush. Until then the recovery point has not passed the batch, and another crash finds it again.
	if !c.dirty || startOffset < c.newFrom {
		c.newFrom = startOffset
	}
	c.dirty = true
	return nil
}
