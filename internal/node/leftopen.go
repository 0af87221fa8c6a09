package node

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/storage"
)

// leftOpen are the transactions that were open in partitions when the machine went down.
type leftOpen struct {
	all   []openTransaction
	by    map[int64][]txn.OpenTransaction // by producer id; not changed
	whole bool                            // every partition could be looked into
}

// openTransaction is one of them.
type openTransaction struct {
	txn.OpenTransaction
	log              *storage.Log
	firstOffset      int64
	coordinatorEpoch int32
}

func newLeftOpen(all []openTransaction, whole bool) *leftOpen {
	l := &leftOpen{all: all, by: make(map[int64][]txn.OpenTransaction), whole: whole}
	for _, o := range all {
		l.by[o.ProducerID] = append(l.by[o.ProducerID], o.OpenTransaction)
	}
	return l
}

// of returns what a producer has open.
func (l *leftOpen) of(producerID int64) []txn.OpenTransaction { return l.by[producerID] }

// findLeftOpen looks into all partitions for open transactions of lost producer ids.
func (n *Node) findLeftOpen(below int64) *leftOpen {
	logs := n.logs.All()
	found := make([][]openTransaction, len(logs))
	failed := make([]error, len(logs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range max(1, n.live.Snapshot().Int("num.recovery.threads.per.data.dir")) {
		workers.Go(func() {
			for i := range next {
				found[i], failed[i] = openIn(logs[i], below)
			}
		})
	}
	for i := range logs {
		next <- i
	}
	close(next)
	workers.Wait()
	err := errors.Join(failed...)
	if err != nil {
		n.logger.Error("cannot tell which transactions the machine's end has left open in all partitions; the next start tries again", "error", err)
	}
	return newLeftOpen(slices.Concat(found...), err == nil)
}

func openIn(log *storage.Log, below int64) (open []openTransaction, err error) {
	tp := log.TopicPartition()
	if tp.Topic == transactionStateTopic {
		return nil, nil
	}
	producers, err := log.ActiveProducers()
	for _, p := range producers {
		if p.CurrentTxnFirstOffset < 0 || p.ProducerID >= below {
			continue
		}
		open = append(open, openTransaction{
			OpenTransaction: txn.OpenTransaction{TopicPartition: txn.TopicPartition{Topic: tp.Topic, Partition: tp.Partition}, ProducerID: p.ProducerID, ProducerEpoch: p.ProducerEpoch},
			log:             log, firstOffset: p.CurrentTxnFirstOffset, coordinatorEpoch: p.CoordinatorEpoch,
		})
	}
	return open, err
}

// leftOpenBackoff is how long after a round that has not ended all the next one comes.
const leftOpenBackoff = 500 * time.Millisecond

// endLeftOpen ends the transactions that the machine's end has left open in partitions. What cannot be ended at once, because a coordinator is being loaded or a partition
// cannot be written to, is tried again. It returns when all have ended, or the node does.
func (n *Node) endLeftOpen() {
	for !n.allEnded() {
		if decisions, ok := n.decisions(); ok {
			if n.endEach(decisions); n.allEnded() {
				break
			}
		}
		later := make(chan struct{})
		timer := n.options.Clock.AfterFunc(leftOpenBackoff, func() { close(later) })
		select {
		case <-later:
		case <-n.ctx.Done():
			timer.Stop()
			return
		}
	}
	n.changeNotes(func(note *storage.StartNote) { note.Unfinished = !n.left.whole })
}

// allEnded forgets what has ended, and tells whether nothing is left.
func (n *Node) allEnded() bool {
	n.left.all = slices.DeleteFunc(n.left.all, n.hasEnded)
	return len(n.left.all) == 0
}

// hasEnded tells whether nothing is left to do about a transaction: it has ended, or its partition is gone.
func (n *Node) hasEnded(o openTransaction) bool {
	p, err := n.replicas.Partition(o.Topic, o.Partition)
	if err != nil || p.Log() != o.log {
		return n.controller.Image().Partition(o.Topic, o.Partition) == nil || err == nil
	}
	open, err := o.log.HasOpenTransaction(o.ProducerID)
	return err == nil && !open
}

// decisions asks the transaction coordinators; false: they do not answer yet. Without their topic there are none, and nothing was decided.
func (n *Node) decisions() (decisions [][]txn.Decision, ok bool) {
	if n.controller.Image().Topic(transactionStateTopic) == nil {
		return make([][]txn.Decision, len(n.left.all)), true
	}
	open := make([]txn.OpenTransaction, len(n.left.all))
	for i := range open {
		open[i] = n.left.all[i].OpenTransaction
	}
	answered := make(chan struct{})
	n.transactions.Decisions(open, func(d [][]txn.Decision, known bool) {
		decisions, ok = d, known
		close(answered)
	})
	select {
	case <-answered:
		return decisions, ok
	case <-n.ctx.Done():
		return nil, false
	}
}

// endEach writes the markers.
func (n *Node) endEach(decisions [][]txn.Decision) {
	for i, o := range n.left.all {
		end, err := endOf(o, decisions[i])
		if err != nil {
			n.logger.Error("cannot tell how to end a transaction that was open when the machine went down", "partition", o.TopicPartition.String(), "producer_id", o.ProducerID, "error", err)
			continue
		}
		code, answered := n.writeMarker(o, end)
		switch {
		case !answered:
			return
		case code == protocol.None:
			n.logger.Info("ended a transaction that was open when the machine went down", "partition", o.TopicPartition.String(), "producer_id", o.ProducerID,
				"producer_epoch", o.ProducerEpoch, "first_offset", o.firstOffset, "committed", end.Commit)
		default:
			n.logger.Debug("a transaction that was open when the machine went down cannot be ended yet", "partition", o.TopicPartition.String(), "producer_id", o.ProducerID, "code", code.Name())
		}
	}
}

// endOf returns how a transaction ends: as it was decided, if that is known, else by an abort, which locks its producer out.
func endOf(o openTransaction, decisions []txn.Decision) (txn.Decision, error) {
	abort := txn.Decision{ProducerEpoch: o.ProducerEpoch}
	if o.ProducerEpoch < math.MaxInt16 {
		abort.ProducerEpoch, abort.TransactionVersion = o.ProducerEpoch+1, 2
	}
	if !slices.ContainsFunc(decisions, func(d txn.Decision) bool { return d.Commit }) {
		return abort, nil
	}
	if len(decisions) == 1 && decisions[0].ProducerEpoch != o.ProducerEpoch {
		return decisions[0], nil // each transaction has an epoch of its own
	}
	// Several transactions have this epoch. Those before the open one have their markers in the partition, in the order of the decisions and not before them.
	markers, err := markersSince(o.log, o.ProducerID, decisions[0].AtMs, o.firstOffset)
	if err != nil {
		return abort, err
	}
	for _, m := range markers {
		if len(decisions) > 0 && m.of(decisions[0]) {
			decisions = decisions[1:]
		}
	}
	if len(decisions) > 0 && decisions[0].Commit {
		return decisions[0], nil
	}
	return abort, nil
}

func (n *Node) writeMarker(o openTransaction, end txn.Decision) (code protocol.Code, answered bool) {
	req := &kmsg.WriteTxnMarkersRequest{Version: 2, Markers: []kmsg.WriteTxnMarkersRequestMarker{{
		ProducerID: o.ProducerID, ProducerEpoch: end.ProducerEpoch, Committed: end.Commit, CoordinatorEpoch: max(o.coordinatorEpoch, 0), TransactionVersion: int8(end.TransactionVersion),
		Topics: []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: o.Topic, Partitions: []int32{o.Partition}}},
	}}}
	answer := make(chan protocol.Code, 1)
	n.markers.Write(req, func(resp *kmsg.WriteTxnMarkersResponse, err error) {
		if err != nil {
			answer <- protocol.CodeOf(err)
			return
		}
		answer <- protocol.Code(resp.Markers[0].Topics[0].Partitions[0].ErrorCode)
	})
	select {
	case code := <-answer:
		return code, true
	case <-n.ctx.Done():
		return protocol.None, false
	}
}

// markerScanBytes is how much of a log is read at a time in search of markers.
const markerScanBytes = 1 << 20

// marker is one in a partition.
type marker struct {
	commit bool
	epoch  int16
	atMs   int64
}

// of tells whether the marker may be that of a decision.
func (m marker) of(d txn.Decision) bool {
	return m.commit == d.Commit && m.epoch == d.ProducerEpoch && m.atMs >= d.AtMs
}

// markersSince returns a producer's markers below an offset that are not older than the time.
func markersSince(log *storage.Log, producerID, sinceMs, below int64) (markers []marker, err error) {
	from, ok, err := log.OffsetForTimestamp(sinceMs) // no batch before this one has a timestamp that is not older
	if err != nil || !ok {
		return nil, err
	}
	buffer := make([]byte, markerScanBytes)
	for offset := from.Offset; offset < below; {
		var batches []byte
		if batches, buffer, err = readBatches(log, offset, below, buffer); err != nil || len(batches) == 0 {
			return markers, err
		}
		for len(batches) > 0 {
			b, rest, err := record.Next(batches)
			if errors.Is(err, record.ErrTruncated) {
				break
			}
			if err != nil {
				return nil, err
			}
			batches, offset = rest, b.NextOffset()
			if !b.IsControl() || b.ProducerID() != producerID {
				continue
			}
			if m, ms, ok, err := b.Marker(); err != nil {
				return nil, err
			} else if ok && ms >= sinceMs {
				markers = append(markers, marker{commit: m.Type == record.ControlCommit, epoch: b.ProducerEpoch(), atMs: ms})
			}
		}
	}
	return markers, nil
}

// readBatches reads the next batches into the buffer, or a larger one.
func readBatches(log *storage.Log, from, below int64, buffer []byte) (batches, next []byte, err error) {
	slice, err := log.Read(from, markerScanBytes, below, true)
	if err != nil {
		return nil, buffer, err
	}
	defer slice.Release()
	if slice.Len() > len(buffer) {
		buffer = make([]byte, slice.Len())
	}
	batches = buffer[:slice.Len()]
	_, err = slice.ReadAt(batches, 0)
	return batches, buffer, err
}
