package storage

import (
	"errors"
	"fmt"
	"math"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

// Origin says who hands batches to Append.
type Origin = record.Origin

// The origins. A client's and a coordinator's batches are validated and given offsets; replicated ones have them.
const (
	OriginClient      = record.OriginClient
	OriginCoordinator = record.OriginCoordinator
	OriginReplication = record.OriginReplication
)

// AppendOptions goes with the batches of one append.
type AppendOptions struct {
	LeaderEpoch int32
	Origin      Origin
	// NowMs is the time of the append in ms; 0: the clock is asked. Who appends many batches at once asks it once.
	NowMs int64
	// Guard is what StartVerification gave for a batch that begins a transaction.
	Guard VerificationGuard
	// TransactionVersion is the level of the feature transaction.version under which a marker was written: from 2 on its epoch must be greater than the
	// producer's (KIP-1228).
	TransactionVersion int16
}

// AppendInfo tells where an append went.
type AppendInfo struct {
	FirstOffset    int64
	LastOffset     int64
	LogAppendTime  int64 // -1 unless the topic's timestamps are of the append; of a duplicate its batch's timestamp
	LogStartOffset int64
	SizeBytes      int  // what was written; recompression may have changed it
	Duplicate      bool // the batch had been appended before, at these offsets; nothing was written
}

// Append validates batches, gives them offsets and writes them with one system call. The buffer is changed (offsets, the
// leader epoch, timestamps) and may be used again once Append has returned. Errors are *record.Error for batches that are
// not valid, protocol errors for what a producer did wrong, and the sentinels of this package. After an error the log is
// as it was.
func (l *Log) Append(batches []byte, options AppendOptions) (AppendInfo, error) {
	settings := l.settings.Load()
	c := settings.topic
	if options.NowMs == 0 {
		options.NowMs = l.nowMs()
	}
	// Validation costs the most and needs no lock: offsets are counted from zero here and moved when they are known.
	rules := record.Rules{Settings: &settings.ofBatches, Origin: options.Origin, LeaderEpoch: options.LeaderEpoch, NowMs: options.NowMs}
	if options.Origin == OriginCoordinator && len(batches) >= record.HeaderSize && record.Batch(batches).IsControl() {
		rules.Settings = &settings.ofMarkers
	}
	result, err := record.Validate(batches, rules)
	if err != nil {
		return AppendInfo{}, err
	}
	if len(result.Batches) > c.SegmentBytes {
		return AppendInfo{}, fmt.Errorf("%w: %d bytes for %s, whose segment.bytes is %d", ErrBatchTooLarge, len(result.Batches), l.tp, c.SegmentBytes)
	}
	info, err := l.append(&result, c, options)
	if err != nil {
		return AppendInfo{}, err
	}
	if !info.Duplicate && c.FlushMessages != math.MaxInt64 && l.LogEndOffset()-l.DurableOffset() >= c.FlushMessages {
		if err := l.Flush(); err != nil {
			return AppendInfo{}, err
		}
	}
	return info, nil
}

func (l *Log) append(result *record.Result, c *config.Topic, options AppendOptions) (AppendInfo, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return AppendInfo{}, err
	}
	if err := l.dir.admit(len(result.Batches)); err != nil {
		return AppendInfo{}, err
	}
	if err := l.place(result, options); err != nil {
		return AppendInfo{}, err
	}
	info := AppendInfo{
		FirstOffset: result.FirstOffset, LastOffset: result.LastOffset,
		LogAppendTime: result.LogAppendTimeMs, LogStartOffset: l.LogStartOffset(), SizeBytes: len(result.Batches),
	}
	duplicate, isDuplicate, err := l.producers.stage(result.Batches, options)
	if err != nil {
		return AppendInfo{}, l.dir.failUnlessRefused("reading the producers' state of", l, err)
	}
	if isDuplicate {
		info.FirstOffset, info.LastOffset = duplicate.firstOffset(), duplicate.lastOffset
		info.LogAppendTime, info.SizeBytes, info.Duplicate = duplicate.timestamp, 0, true
		return info, nil
	}
	if err := l.write(result, c); err != nil {
		return AppendInfo{}, err
	}
	return info, nil
}

// place gives batches their offsets, or checks those that a leader gave them.
func (l *Log) place(result *record.Result, options AppendOptions) error {
	end := l.endOffset()
	if options.Origin == OriginReplication {
		if result.FirstOffset < end {
			return fmt.Errorf("%w: %s ends at %d, the first offset is %d", ErrUnexpectedOffset, l.tp, end, result.FirstOffset)
		}
		return nil
	}
	for rest := record.Batch(result.Batches); len(rest) > 0; rest = rest[rest.Size():] {
		rest.SetBaseOffset(rest.BaseOffset() + end)
	}
	result.FirstOffset += end
	result.LastOffset += end
	return nil
}

// write brings placed batches into the active segment and makes them visible.
func (l *Log) write(result *record.Result, c *config.Topic) error {
	if err := l.rollFor(result, c); err != nil {
		return l.dir.fail("rolling a segment of "+l.tp.String(), err)
	}
	active := l.active()
	if err := active.loadForAppend(); err != nil {
		return l.dir.fail("reading the indexes of "+l.tp.String(), err)
	}
	if err := l.writeBatches(active, result.Batches); err != nil {
		var uncut errUncut
		if errors.As(err, &uncut) {
			l.dir.takeOffline("cutting off a failed append to "+l.tp.String(), err)
			return fmt.Errorf("%w: %w", ErrDirOffline, err)
		}
		return l.dir.fail("appending to "+l.tp.String(), err)
	}
	if err := active.appended(result.Batches, int64(c.IndexIntervalBytes)); ignoreTransient(err) != nil {
		// The batches are written; only the directory is given up.
		l.dir.fail("indexing "+l.tp.String(), err)
	}
	active.sizeBytes.Add(int64(len(result.Batches)))
	l.producers.commit() // before the end moves: no reader may see the start of a transaction as stable
	l.publish(result.LastOffset + 1)
	raise(&l.touched)
	if err := l.noteEpochs(result.Batches); err != nil {
		// What the file lacks is found in the batches when it matters, after a crash.
		l.logger.Warn("the leader epoch could not be noted", "partition", l.tp.String(), "error", err)
	}
	return nil
}

// writeBatches writes batches, and what they abort into the transaction index: both or nothing, for nobody would look for an abort that the index
// does not tell of.
func (l *Log) writeBatches(active *segment, batches []byte) error {
	if err := active.write(batches); err != nil {
		return err
	}
	aborted := l.producers.settle()
	if len(aborted) == 0 {
		return nil
	}
	err := active.addAborted(aborted)
	if err == nil {
		return nil
	}
	l.producers.unload() // it is ahead of the log now
	if cutErr := active.cutFile(active.size()); cutErr != nil {
		return errUncut{errors.Join(err, cutErr)}
	}
	return err
}

// noteEpochs records where new leader epochs begin. The usual case, nothing new, costs one comparison: the newest epoch has begun before the end of the log.
func (l *Log) noteEpochs(batches []byte) error {
	for rest := record.Batch(batches); len(rest) > 0; rest = rest[rest.Size():] {
		if epoch := rest.PartitionLeaderEpoch(); epoch >= 0 && !l.epochs.isNewest(epoch) {
			if err := l.epochs.assign(l, epoch, rest.BaseOffset()); err != nil {
				return err
			}
		}
	}
	return nil
}

// failUnlessRefused handles an error that may be the disk's or a refusal of what was asked.
func (d *logDir) failUnlessRefused(operation string, l *Log, err error) error {
	if isRefusal(err) {
		return err
	}
	return d.fail(operation+" "+l.tp.String(), err)
}
