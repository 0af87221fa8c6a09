package api

import (
	"sync"
	"time"

	"ottla.dev/ottla/internal/network"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/replica/run"
	"ottla.dev/ottla/internal/storage"
)

// Fetch, versions 4 to 18.
//
// v5 log start offset · v7 sessions (KIP-227) · v9 current leader epoch (KIP-320) · v10 zstd · v11 rack (KIP-392) · v12 flexible, last
// fetched epoch (KIP-595) · v13 topic ids (KIP-516) · v15 replica state (KIP-903) · v16 leader hints (KIP-951) · v17, v18 fields of followers.

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
	topic, unknown := s.topic(version, e.name, e.id)
	if e.partition, e.code = nil, unknown; topic != nil {
		var err error
		e.partition, err = topic.Partition(e.want.Index)
		e.code = protocol.CodeOf(err)
	}
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
