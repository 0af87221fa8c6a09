package storage

import (
	"fmt"
	"slices"
)

// The stages of a cleaned segment on its way into the log. Its files change their names together, and the names are durable before
// the next stage begins:
//
//	.cleaned   the segment is being written. After a crash it is removed.
//	.swap      it is complete. After a crash it is put in place, and what it replaces is removed. The replaced segments become .deleted.
//	           The batches get their own name first: as long as they are called .swap, whatever else has a final name is of a replaced segment.
//	final      it is a segment like others.
const (
	stageFinal int32 = iota
	stageBatchesIn
	stageSwap
	stageCleaned
)

// stagedSuffix returns what is appended to a file's suffix at a stage.
func stagedSuffix(stage int32, suffix string) string {
	switch {
	case stage == stageCleaned:
		return cleanedSuffix
	case stage == stageSwap, stage == stageBatchesIn && suffix != logSuffix:
		return swapSuffix
	}
	return ""
}

// moveTo renames the files to those of another stage. Whoever opens one of them waits. A segment that has been removed meanwhile has other names.
func (s *segment) moveTo(stage int32) error {
	unlock := s.lockFiles()
	defer unlock()
	if s.removed.Load() {
		return nil
	}
	for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix} {
		from := s.log.file(s.base, suffix+stagedSuffix(s.stage.Load(), suffix))
		to := s.log.file(s.base, suffix+stagedSuffix(stage, suffix))
		if from == to {
			continue
		}
		if err := s.cache().fs.Rename(from, to); err != nil && (suffix != txnIndexSuffix || ignoreMissing(err) != nil) {
			return err
		}
	}
	s.stage.Store(stage)
	return nil
}

// lockFiles keeps anybody from opening the segment's files.
func (s *segment) lockFiles() (unlock func()) {
	files := []*cachedFile{&s.file, &s.offsets.file, &s.times.file}
	if x := s.txn.Load(); x != nil {
		files = append(files, &x.file)
	}
	for _, f := range files {
		f.mu.Lock()
	}
	return func() {
		for _, f := range files {
			f.mu.Unlock()
		}
	}
}

// swap puts a complete cleaned segment in the place of others. Flushing, truncating and deleting the log wait; appends and reads do not, but for moments.
func (w *cleaning) swap(made *segment, old []*segment) error {
	l := w.log
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	if err := w.replaceable(old); err != nil {
		return err
	}
	if err := l.syncStage(); err != nil { // the names .cleaned
		return err
	}
	err := made.moveTo(stageSwap)
	if err == nil {
		err = l.syncStage()
	}
	if err == nil {
		err = w.exchange(made, old)
	}
	if err != nil {
		return w.takeBack(made, err)
	}
	if err := l.settleSwap(made); err != nil {
		// In memory the segment is in place, on disk it is about to be, and the next start completes that.
		l.dir.takeOffline("replacing segments of "+l.tp.String(), err)
		return l.dir.online()
	}
	return nil
}

// replaceable fails if the segments are no longer in the log, or may have changed.
func (w *cleaning) replaceable(old []*segment) error {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	return w.replaceableLocked(old)
}

func (w *cleaning) replaceableLocked(old []*segment) error {
	l := w.log
	if err := l.usable(); err != nil {
		return err
	}
	if l.truncations.Load() != w.truncations || !l.Config().CleanupCompact {
		return fmt.Errorf("%w: truncated, or no longer to be compacted", errCleaningAborted)
	}
	list := l.list()
	if i := slices.Index(list, old[0]); i < 0 || i+len(old) >= len(list) || !slices.Equal(list[i:i+len(old)], old) {
		return fmt.Errorf("%w: some of its segments were removed", errCleaningAborted)
	}
	return nil
}

// exchange makes the cleaned segment part of the log. From here on there is no way back.
func (w *cleaning) exchange(made *segment, old []*segment) error {
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := w.replaceableLocked(old); err != nil {
		return err
	}
	list := slices.Clone(l.list())
	i := slices.Index(list, old[0])
	end := list[i+len(old)].base
	l.setSegments(slices.Replace(list, i, i+len(old), made))
	l.replacements.Add(1)
	for _, s := range old {
		s.tag = fmt.Sprintf(".%d", l.replacements.Load())
	}
	if err := l.tryRetire(old); err != nil {
		l.dir.takeOffline("replacing segments of "+l.tp.String(), err)
	}
	// A snapshot speaks of the batches as they were: a transaction that was open there may have lost its marker. The one at the end of what is
	// cleaned stays, and is the one that counts.
	if err := l.producers.removeSnapshots(made.base, end-1); err != nil {
		l.logger.Warn("the snapshots of segments that were cleaned could not be removed", "segment", made.path(logSuffix), "error", err)
	}
	return nil
}

// settleSwap gives the files of a segment that is in the log already their names.
func (l *Log) settleSwap(made *segment) error {
	if err := l.dir.online(); err != nil {
		return err // retiring the old ones has failed
	}
	if err := l.syncStage(); err != nil { // the names .deleted
		return err
	}
	for _, stage := range []int32{stageBatchesIn, stageFinal} {
		if err := made.moveTo(stage); err != nil {
			return err
		}
		if err := l.syncStage(); err != nil {
			return err
		}
	}
	return nil
}

// takeBack makes a segment that could not be put in place .cleaned again, so that a crash does not put it there.
func (w *cleaning) takeBack(made *segment, reason error) error {
	l := w.log
	err := made.moveBack()
	if err == nil {
		err = l.syncStage()
	}
	if err != nil {
		l.dir.takeOffline("taking back the replacement of segments of "+l.tp.String(), err)
	}
	return reason
}

// moveBack undoes a move to .swap, also one that has stopped halfway.
func (s *segment) moveBack() error {
	unlock := s.lockFiles()
	defer unlock()
	for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix} {
		if err := ignoreMissing(s.cache().fs.Rename(s.log.file(s.base, suffix+swapSuffix), s.log.file(s.base, suffix+cleanedSuffix))); err != nil {
			return err
		}
	}
	s.stage.Store(stageCleaned)
	return nil
}

// syncStage makes the names in the log's directory durable.
func (l *Log) syncStage() error { return unsyncedError(l.fs().SyncDir(l.path())) }
