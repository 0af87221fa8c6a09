package api

import (
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/replica/run"
	"ottla.dev/ottla/internal/storage"
)

// How a fetch reads: what of each partition goes into the answer, within the limits of the request.

func (op *fetchOp) maxBytes() int64 {
	return int64(min(op.req.MaxBytes, int32(op.server.Config.Snapshot().Int("fetch.max.bytes"))))
}

func (op *fetchOp) minBytes() int64 { return min(int64(op.req.MinBytes), op.maxBytes()) }

// read fills every entry's head and slice with what is there now.
func (op *fetchOp) read() {
	left, atLeastOne := op.maxBytes(), true
	op.bytes, op.found, op.urgent, op.aborted = 0, 0, false, op.aborted[:0]
	for i := range op.entries {
		e := &op.entries[i]
		e.release()
		e.abortedFrom, e.abortedTo = 0, 0
		e.head = protocol.FetchPartitionHead{Index: e.want.Index, Code: e.code, HighWatermark: -1, LastStableOffset: -1, LogStartOffset: -1, DivergingEndOffset: -1, LeaderID: -1}
		if e.partition == nil {
			e.head.Committed = !e.lost // an empty list, the schema's default, where there never was a partition to read
			continue
		}
		op.found++
		op.readPartition(e, min(int64(e.want.MaxBytes), left), atLeastOne)
		if e.head.Code != protocol.None || e.head.DivergingEndOffset >= 0 {
			op.urgent = true
		}
		if n := int64(e.head.RecordsSize); n > 0 {
			atLeastOne = false
			left = max(0, left-n)
			op.bytes += n
		}
	}
}

func (op *fetchOp) readPartition(e *fetchEntry, maxBytes int64, atLeastOne bool) {
	p, log := e.partition, e.partition.Log()
	if op.req.ReplicaID >= 0 {
		e.head.Code = protocol.NotLeaderOrFollower // no other broker is a replica
		return
	}
	if e.head.Code = p.CheckEpoch(e.want.CurrentLeaderEpoch); e.head.Code != protocol.None {
		if op.version >= 16 && e.head.Code == protocol.FencedLeaderEpoch {
			e.head.LeaderID, e.head.LeaderEpoch = op.server.NodeID, p.LeaderEpoch()
		}
		return
	}
	if op.req.MaxBytes < 0 || e.want.MaxBytes < 0 {
		e.head.Code = protocol.UnknownServerError
		return
	}
	e.head.Committed = op.committed()
	e.arrivedBytes = p.ArrivedBytes() // before the high watermark
	stable := log.LastStableOffset()  // read first: it never passes the high watermark of the same answer
	highWatermark := log.HighWatermark()
	e.seen = highWatermark
	if op.committed() {
		e.seen = stable
	}
	diverged := e.divergence(log)
	if e.head.Code != protocol.None {
		e.head.Committed = false
		return
	}
	if diverged {
		e.head.Committed = false // nothing was read
	} else {
		slice, err := log.Read(e.want.FetchOffset, int(maxBytes), e.seen, atLeastOne)
		if err == nil {
			e.slice = slice
			err = op.readAborted(e)
		}
		if err != nil {
			e.release()
			e.head.Committed = false
			e.head.Code = op.server.storageError("fetch", p.TopicPartition, err)
			return
		}
		if slice.FirstBatchIncomplete() && !atLeastOne {
			e.release() // nothing that a client could use (since version 3)
			e.head.Committed = false
		} else {
			e.head.RecordsSize = slice.Len()
		}
		if op.version < 10 && op.server.usesZstd(p) {
			e.release()
			e.head = protocol.FetchPartitionHead{Index: e.want.Index, Code: protocol.UnsupportedCompressionType, HighWatermark: -1, LastStableOffset: -1, LogStartOffset: -1, DivergingEndOffset: -1, LeaderID: -1}
			return
		}
	}
	e.head.HighWatermark, e.head.LastStableOffset, e.head.LogStartOffset = highWatermark, stable, log.LogStartOffset()
}

// committed tells that the reader is to see no records of transactions that are open or aborted.
func (op *fetchOp) committed() bool { return op.req.Isolation == 1 }

// readAborted finds which transactions in what was just read were aborted. All of them have ended: the read went no further than the last
// stable offset. The slice looks in the index that belongs to its own bytes, also when a cleaner has put another segment in their place. So it
// stays true of them, however late they are sent.
func (op *fetchOp) readAborted(e *fetchEntry) (err error) {
	e.abortedFrom, e.abortedTo = len(op.aborted), len(op.aborted)
	if !op.committed() || e.slice.Len() == 0 {
		return nil
	}
	op.lookup, err = e.slice.AbortedTransactions(op.lookup[:0], e.want.FetchOffset)
	for _, a := range op.lookup {
		op.aborted = append(op.aborted, protocol.AbortedTransaction{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset})
	}
	e.abortedTo = len(op.aborted)
	return err
}

// divergence tells a client whose last fetched epoch ended earlier in this log where to cut its own (KIP-595).
func (e *fetchEntry) divergence(log *storage.Log) bool {
	if e.want.LastFetchedEpoch < 0 {
		return false
	}
	epoch, end := log.EpochEndOffset(e.want.LastFetchedEpoch)
	if end < 0 || epoch < 0 {
		e.head.Code = protocol.OffsetOutOfRange
		return true
	}
	if epoch < e.want.LastFetchedEpoch || end < e.want.FetchOffset {
		e.head.DivergingEpoch, e.head.DivergingEndOffset = epoch, end
		return true
	}
	return false
}

// usesZstd tells whether a topic holds records that clients before Fetch version 10 cannot read.
func (s *Server) usesZstd(p *run.Partition) bool {
	return p.Log().Config().CompressionType == config.CompressionZstd
}
