package api

import (
	"encoding/binary"
	"sync"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/network"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/replica/run"
	"ottla.dev/ottla/internal/storage"
)

// Fetch, versions 4 to 18.
//
// v5 log start offset · v7 sessions (KIP-227) · v9 current leader epoch (KIP-320) · v10 zstd · v11 rack (KIP-392) · v12 flexible, last
// fetched epoch (KIP-595) · v13 topic ids (KIP-516) · v15 replica state (KIP-903) · v16 leader hints (KIP-951) · v17, v18 fields of followers.

// sendfileBytes is the size from which a range goes from file to socket inside the kernel; smaller ones are copied into
// the answer, which costs two copies and saves two system calls.
const sendfileBytes = 16 << 10

// copiedBytes is how much of a range that cannot be sent so is in memory at a time.
const copiedBytes = 256 << 10

// fetchEntry is one partition of a fetch on its way from the request to the answer.
type fetchEntry struct {
	name      []byte // empty where the request goes by ids
	id        [16]byte
	want      protocol.FetchPartition
	partition *run.Partition
	code      protocol.Code // why there is no partition
	session   *sessionPartition
	known     bool // the session has sent the partition before
	lost      bool // it went while the request waited

	head  protocol.FetchPartitionHead
	slice *storage.Slice
	seen  int64 // up to where the partition was read: the high watermark, for read_committed the last stable offset
	// What had arrived in the partition when it was read.
	arrivedBytes int64
	// The aborted transactions in the slice, as a range of the op's list.
	abortedFrom, abortedTo int
}

func (e *fetchEntry) release() {
	if e.slice != nil {
		e.slice.Release()
		e.slice = nil
	}
}

// fetchOp is one Fetch request. It is also its answer: what it read first may be read again when its turn to be written comes.
type fetchOp struct {
	server  *Server
	request *network.Request
	version int16
	req     protocol.FetchRequest
	entries []fetchEntry
	session *fetchSession
	code    protocol.Code // of the session

	bytes   int64
	found   int  // entries with a partition
	refused bool // the entries say why
	urgent  bool // an error or a divergence: not worth waiting
	waiter  *run.Waiter
	waited  bool
	headBuf []byte
	cuts    []int // positions in headBuf where each entry's records go
	aborted []protocol.AbortedTransaction
	lookup  []storage.AbortedTransaction // of one partition, before they go to aborted
}

var fetchOps = sync.Pool{New: func() any { return new(fetchOp) }}

func (s *Server) fetch(r *network.Request) {
	op := fetchOps.Get().(*fetchOp)
	op.server, op.request, op.version = s, r, r.Header.Version
	if err := op.req.Decode(r.Body, op.version); err != nil {
		op.recycle()
		r.Close(err.Error())
		return
	}
	op.session, op.code = s.sessions.begin(&op.req, op.version, s.Clock.Now())
	if op.code != protocol.None {
		r.Respond(op)
		return
	}
	if op.req.Isolation != 0 && op.req.Isolation != 1 {
		op.refuse()
		r.Respond(op)
		return
	}
	op.collect()
	op.read()
	if op.urgent || op.found == 0 || op.req.MaxWaitMs <= 0 || op.bytes >= op.minBytes() {
		r.Respond(op)
		return
	}
	op.wait()
}

// refuse answers a request with a field that makes no sense, as Apache Kafka does.
func (op *fetchOp) refuse() {
	op.code, op.refused = protocol.UnknownServerError, true
	op.collect()
	for i := range op.entries {
		e := &op.entries[i]
		e.partition, e.code = nil, protocol.UnknownServerError
	}
	op.read()
}

func (op *fetchOp) maxBytes() int64 {
	return int64(min(op.req.MaxBytes, int32(op.server.Config.Snapshot().Int("fetch.max.bytes"))))
}

func (op *fetchOp) minBytes() int64 { return min(int64(op.req.MinBytes), op.maxBytes()) }

// collect makes the entries, from the session or from the request.
func (op *fetchOp) collect() {
	op.entries = op.entries[:0]
	if op.session != nil {
		op.session.mu.Lock()
		for e := op.session.order.Front(); e != nil; e = e.Next() {
			p := e.Value.(*sessionPartition)
			op.entries = append(op.entries, fetchEntry{name: []byte(p.key.name), id: p.key.id, want: p.want, session: p, known: p.known})
		}
		op.session.mu.Unlock()
	} else {
		for i := range op.req.Topics {
			t := &op.req.Topics[i]
			for _, want := range t.Partitions {
				op.entries = append(op.entries, fetchEntry{name: t.Name, id: t.ID, want: want})
			}
		}
	}
	for i := range op.entries {
		op.entries[i].find(op.server, op.version)
	}
	op.errorsLast()
}

func (e *fetchEntry) find(s *Server, version int16) {
	var err error
	if version >= 13 {
		e.partition, err = s.Replicas.PartitionByID(e.id, e.want.Index)
	} else {
		e.partition, err = s.Replicas.PartitionBytes(e.name, e.want.Index)
	}
	e.code = protocol.CodeOf(err)
	if e.code == protocol.UnknownTopicID && e.known {
		e.code = protocol.UnknownTopicOrPartition // an id that the session has known is that of a deleted topic
	}
	if e.code == protocol.KafkaStorageError && version <= 5 {
		e.code = protocol.NotLeaderOrFollower // clients of that time do not know the other
	}
}

// errorsLast moves the entries without a partition behind the others, where Apache Kafka has them.
func (op *fetchOp) errorsLast() {
	var failed []fetchEntry
	kept := op.entries[:0]
	for i := range op.entries {
		if op.entries[i].partition == nil {
			failed = append(failed, op.entries[i])
			continue
		}
		kept = append(kept, op.entries[i])
	}
	op.entries = append(kept, failed...)
}

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

// wait parks the request until min.bytes are there, max.wait is over or the client is gone.
//
// As soon as something can fire the waiter, the op may be answered and recycled by another goroutine: from then on only locals are used.
func (op *fetchOp) wait() {
	type watch struct {
		p                   *run.Partition
		from, seen, arrived int64
		sizeBytes, maxBytes int
	}
	watches, committed := make([]watch, 0, op.found), op.committed()
	for i := range op.entries {
		if e := &op.entries[i]; e.partition != nil {
			watches = append(watches, watch{e.partition, e.want.FetchOffset, e.seen, e.arrivedBytes, e.head.RecordsSize, int(e.want.MaxBytes)})
		}
	}
	request, clock, maxWait := op.request, op.server.Clock, time.Duration(op.req.MaxWaitMs)*time.Millisecond
	waiter := run.NewWaiter(op.minBytes()-op.bytes, func() { request.Respond(op) })
	op.waited, op.waiter = true, waiter
	waiter.FireAfter(clock, maxWait)
	request.OnCancel(func() { waiter.Fire() })
	for _, w := range watches {
		if committed {
			waiter.WatchCommitted(w.p, w.from, w.seen, w.sizeBytes, w.maxBytes)
		} else {
			waiter.Watch(w.p, w.arrived)
		}
	}
}

// WriteResponse implements network.Response.
func (op *fetchOp) WriteResponse(w *network.Writer) error {
	if op.waited {
		for i := range op.entries {
			e := &op.entries[i]
			was := e.partition
			e.find(op.server, op.version)
			e.lost = was != nil && e.partition == nil
		}
		op.read()
	}
	head := protocol.FetchResponseHead{Code: op.code}
	if op.code == protocol.None && !op.refused {
		head.SessionID, head.Code = op.finishSession()
	}
	op.encode(head)
	return op.send(w)
}

// finishSession notes in the session what is about to be sent, and leaves in the entries only that.
func (op *fetchOp) finishSession() (id int32, code protocol.Code) {
	switch {
	case op.session != nil:
		op.entries, code = op.session.selectNews(op.entries, op.req.SessionEpoch)
		return op.session.id, code
	case op.req.SessionEpoch == sessionEpochInitial && op.version >= 7:
		return op.server.sessions.create(op.entries, op.version >= 13, op.server.Clock.Now()), protocol.None
	}
	return 0, protocol.None
}

// encode writes everything but the records into headBuf, beginning with room for the length, and notes where the records go.
func (op *fetchOp) encode(head protocol.FetchResponseHead) {
	buf := append(op.headBuf[:0], 0, 0, 0, 0)
	buf = protocol.AppendResponseHeader(buf, protocol.KeyFetch, op.version, op.request.Header.CorrelationID)
	w := protocol.NewFetchResponseWriter(buf, op.version)
	for i := range op.entries {
		if i == 0 || !op.entries[i].sameTopic(&op.entries[i-1]) {
			head.Topics++
		}
	}
	w.Head(head)
	op.cuts = op.cuts[:0]
	for i := 0; i < len(op.entries); {
		n := i + 1
		for n < len(op.entries) && op.entries[n].sameTopic(&op.entries[i]) {
			n++
		}
		w.Topic(op.entries[i].name, op.entries[i].id, n-i)
		for ; i < n; i++ {
			if e := &op.entries[i]; e.head.Committed {
				e.head.Aborted = op.aborted[e.abortedFrom:e.abortedTo]
			}
			w.Partition(op.entries[i].head)
			op.cuts = append(op.cuts, len(w.Bytes()))
			w.EndPartition(op.entries[i].head)
		}
		w.EndTopic()
	}
	w.End(op.leaderHints())
	op.headBuf = w.Bytes()
}

func (e *fetchEntry) sameTopic(o *fetchEntry) bool {
	return e.id == o.id && string(e.name) == string(o.name)
}

func (op *fetchOp) leaderHints() []protocol.NodeEndpoint {
	for i := range op.entries {
		if op.entries[i].head.LeaderID >= 0 {
			return op.server.nodeEndpoints(op.request.Conn)
		}
	}
	return nil
}

// send writes headBuf with the records between.
func (op *fetchOp) send(w *network.Writer) error {
	total, ranges := len(op.headBuf)-4, 0
	for i := range op.entries {
		size := op.entries[i].head.RecordsSize
		if total += size; size >= sendfileBytes {
			ranges++
		}
	}
	binary.BigEndian.PutUint32(op.headBuf, uint32(total))
	out := network.GetBuffer(0)
	defer out.Release()
	if ranges > 1 {
		w.Hold()
		defer w.Release()
	}
	at := 0
	for i := range op.entries {
		slice := op.entries[i].slice
		if slice == nil || slice.Len() == 0 {
			continue
		}
		out.B = append(out.B, op.headBuf[at:op.cuts[i]]...)
		at = op.cuts[i]
		n := slice.Len()
		if file, position, ok := slice.File(); ok && n >= sendfileBytes {
			if err := w.WriteMore(out.B); err != nil {
				return err
			}
			out.B = out.B[:0]
			if err := w.SendFile(file, position, int64(n)); err != nil {
				return op.failed(i, err)
			}
			continue
		}
		if err := op.copyRecords(w, out, slice); err != nil {
			return op.failed(i, err)
		}
	}
	if out.B = append(out.B, op.headBuf[at:]...); len(out.B) == 0 {
		return nil // the last range ended the answer, and writing nothing costs a system call too
	}
	return w.Write(out.B)
}

// copyRecords appends a slice's bytes to what is to be written, and writes that when it gets large.
func (op *fetchOp) copyRecords(w *network.Writer, out *network.Buffer, slice *storage.Slice) error {
	for at := 0; at < slice.Len(); {
		n := min(slice.Len()-at, copiedBytes)
		start := len(out.B)
		if cap(out.B)-start < n {
			larger := network.GetBuffer(start + n)
			copy(larger.B, out.B)
			out.B, larger.B = larger.B, out.B // both go back to the pool under the size that they now have
			larger.Release()
		}
		out.B = out.B[:start+n]
		if _, err := slice.ReadAt(out.B[start:], int64(at)); err != nil {
			return err
		}
		at += n
		if len(out.B) >= copiedBytes {
			if err := w.WriteMore(out.B); err != nil {
				return err
			}
			out.B = out.B[:0]
		}
	}
	return nil
}

// failed reports a range that could not be sent after its length was: the connection ends.
func (op *fetchOp) failed(entry int, err error) error {
	e := &op.entries[entry]
	if e.partition != nil && !network.IsClosed(err) {
		op.server.Logger.Warn("cannot send records", "partition", e.partition.TopicPartition.String(), "offset", e.want.FetchOffset, "client", op.request.Header.ClientID, "error", err)
	}
	return err
}

// Discard implements network.Response.
func (op *fetchOp) Discard() {
	if op.waiter != nil {
		op.waiter.Stop()
	}
	op.recycle()
}

// maxKeptEntries bounds what a used op keeps for the next request.
const maxKeptEntries = 1024

func (op *fetchOp) recycle() {
	for i := range op.entries {
		op.entries[i].release()
	}
	clear(op.entries[:cap(op.entries)])
	keep := fetchOp{req: op.req, entries: op.entries[:0], headBuf: op.headBuf, cuts: op.cuts, aborted: op.aborted[:0], lookup: op.lookup[:0]}
	if cap(op.entries) > maxKeptEntries || cap(op.aborted) > maxKeptEntries || cap(op.lookup) > maxKeptEntries {
		keep = fetchOp{}
	}
	waited := op.waited
	*op = keep
	if !waited { // a timer or a waiter may still hold one that waited
		fetchOps.Put(op)
	}
}

// usesZstd tells whether a topic holds records that clients before Fetch version 10 cannot read.
func (s *Server) usesZstd(p *run.Partition) bool {
	return p.Log().Config().CompressionType == config.CompressionZstd
}
