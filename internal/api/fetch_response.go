package api

import (
	"encoding/binary"

	"ottla.dev/ottla/internal/network"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/storage"
)

// How a fetch is answered: its own bytes from memory, the records from file to socket.

// sendfileBytes is the size from which a range goes from file to socket inside the kernel; smaller ones are copied into
// the answer, which costs two copies and saves two system calls.
const sendfileBytes = 16 << 10

// copiedBytes is how much of a range that cannot be sent so is in memory at a time.
const copiedBytes = 256 << 10

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
