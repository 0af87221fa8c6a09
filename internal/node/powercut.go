package node

import (
	"errors"
	"slices"
	"sync"

	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/storage"
	"ottla.dev/ottla/internal/vfs"
)

// Where an acknowledgement means the page cache, the end of the process loses nothing, and the end of the machine may: of each log its newest part, so that the
// transaction coordinator and the partitions remember different things. A start that finds its directories not closed in order, and the machine started anew since
// they were opened, takes it for such an end. What is done about it then:
//
//   - No producer id that was given out before is given an epoch again (txn.Lost). The metadata, which is always on stable storage, says which these are.
//   - Transactions that the end has left open in partitions, and of which no coordinator knows, are ended (leftOpen).
//
// The notes in the log directories remember both, whatever happens next.

// startNotes is what the log directories' notes say now.
type startNotes struct {
	changed map[string]bool // since the machine has been up, before this start
	dirs    []string

	mu   sync.Mutex // held while they are written; guards note
	note storage.StartNote
}

// changedSinceBoot tells which log directories were changed since the machine has been up, before anything is changed in them now. Where nothing else is known, as in a
// directory of Apache Kafka, that says that the machine did not go down since: the files that a broker replaces all the time lie there.
func (n *Node) changedSinceBoot() map[string]bool {
	changed := map[string]bool{}
	up, ok := vfs.Uptime(n.options.FS)
	if !ok {
		return changed
	}
	booted := n.options.Clock.Now().Add(-up)
	for _, dir := range n.options.Config.LogDirs() {
		if info, err := n.options.FS.Stat(dir); err == nil && info.ModTime.After(booted) {
			changed[dir] = true
		}
	}
	return changed
}

// sameBoot tells whether the machine has been up since a directory with this note was opened before.
func (n *Node) sameBoot(dir string, old storage.StartNote, boot string) bool {
	if old.BootID == "" {
		return n.notes.changed[dir]
	}
	return old.BootID == boot
}

// noteStart finds out whether the machine went down since the directories were opened before, and notes that they are open now. It comes before anything is
// appended.
func (n *Node) noteStart(img *metadata.Image) {
	for dir := range n.logs.DirectoryIDs() {
		n.notes.dirs = append(n.notes.dirs, dir)
	}
	slices.Sort(n.notes.dirs)
	note := storage.StartNote{BootID: vfs.BootID(n.options.FS), Flushed: n.flushesAll(img)}
	found, wentDown := n.readNotes(&note)
	if wentDown && img.NextProducerID > 0 {
		note.LostBelow, note.Unfinished = img.NextProducerID, true
		n.logger.Warn("the machine went down, or may have, since the log directories were opened, and acknowledged records need not have been on stable storage "+
			"(ottla.flush.before.ack): transactional ids get new producer ids, and transactions that were open are ended", "producer_ids_below", note.LostBelow)
	}
	if note.Unfinished {
		n.left = n.findLeftOpen(note.LostBelow)
		note.Unfinished = len(n.left.all) > 0 || !n.left.whole
	}
	if note.LostBelow > 0 {
		n.lost = &txn.Lost{Below: note.LostBelow}
		if n.left != nil {
			n.lost.LeftOpen = n.left.of
		}
	}
	n.notes.note = note
	if slices.ContainsFunc(found, func(old storage.StartNote) bool { return old != note }) {
		n.notes.mu.Lock()
		defer n.notes.mu.Unlock()
		n.writeNotes()
	}
}

// readNotes reads what the directories say, adds to the new note what goes on holding, and tells whether the machine went down.
func (n *Node) readNotes(note *storage.StartNote) (found []storage.StartNote, wentDown bool) {
	recovered := n.logs.Recovered()
	for _, dir := range n.notes.dirs {
		old, err := storage.ReadStartNote(n.options.FS, dir)
		unknown := err != nil
		if unknown {
			n.logger.Warn("what the last start has noted cannot be read; the machine is taken to have gone down since", "dir", dir, "error", err)
		}
		found = append(found, old)
		note.LostBelow, note.Unfinished = max(note.LostBelow, old.LostBelow), note.Unfinished || old.Unfinished
		if !unknown && !slices.Contains(recovered, dir) {
			continue
		}
		wentDown = wentDown || unknown || !old.Flushed && !n.sameBoot(dir, old, note.BootID)
		// What a process has left in the page cache may be there still, unless the machine was started anew.
		note.Flushed = note.Flushed && (old.Flushed || note.BootID != "" && old.BootID != "" && old.BootID != note.BootID)
	}
	return found, wentDown
}

// writeNotes writes the note into all directories. A failed one keeps the old note, which says that more may be lost, not less, as long as one of the others
// is written. The caller holds the notes' mu.
func (n *Node) writeNotes() {
	var failed []error
	for _, dir := range n.notes.dirs {
		failed = append(failed, storage.WriteStartNote(n.options.FS, dir, n.notes.note))
	}
	if err := errors.Join(failed...); err != nil {
		n.logger.Error("cannot note how the log directories were opened", "error", err)
	}
}

// changeNotes writes the notes if change has changed them.
func (n *Node) changeNotes(change func(*storage.StartNote)) {
	n.notes.mu.Lock()
	defer n.notes.mu.Unlock()
	old := n.notes.note
	if change(&n.notes.note); n.notes.note != old {
		n.writeNotes()
	}
}

// flushesAll tells whether every topic has its batches on stable storage before they are acknowledged.
func (n *Node) flushesAll(img *metadata.Image) bool {
	if defaults, err := n.live.Snapshot().Topic(nil); err != nil || !defaults.SyncBeforeAck {
		return false
	}
	for t := range img.Topics() {
		if !n.topicConfig(img, t.Name).SyncBeforeAck {
			return false
		}
	}
	return true
}

// noteFlushing notes that the node does not, or no longer, flush everything before it acknowledges it. That it does again is noted by the next start.
func (n *Node) noteFlushing(img *metadata.Image, delta *metadata.Delta) {
	if len(delta.Configs) == 0 && len(delta.Created) == 0 {
		return
	}
	n.notes.mu.Lock()
	flushed := n.notes.note.Flushed
	n.notes.mu.Unlock()
	if flushed && !n.flushesAll(img) {
		n.changeNotes(func(note *storage.StartNote) { note.Flushed = false })
	}
}
