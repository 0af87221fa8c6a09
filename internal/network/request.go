package network

import (
	"ottla.dev/ottla/internal/protocol"
)

// Handler answers requests.
type Handler interface {
	// Handle is called in the goroutine that reads the connection, one request at a time and in order. It, or somebody later, calls
	// exactly one of Respond, NoResponse and Close on the request. Answers leave in the order of the requests, whatever the order
	// of the calls.
	Handle(r *Request)
}

// Response is an answer that is ready to be written.
type Response interface {
	// WriteResponse writes the whole frame, its length first. It is called at most once, when all earlier answers of the connection
	// are out, so that what it reads from files is read as late as can be.
	WriteResponse(w *Writer) error
	// Discard releases what the response holds. It is called once, after WriteResponse or instead of it.
	Discard()
}

// Request is one request of a connection and its place in the order of the answers.
type Request struct {
	Header protocol.RequestHeader
	// Body is the message behind the header. It aliases the frame and must not be used after the request has been answered.
	Body []byte
	Conn *Conn

	frame     *Buffer
	budgeted  int64
	response  Response
	done      bool   // response is set, or there will be none
	cancel    func() // called when the connection ends before done
	cancelled bool
}

// Respond answers the request, now or when its turn comes.
func (r *Request) Respond(resp Response) { r.Conn.complete(r, resp) }

// NoResponse ends a request that gets no answer (Produce with acks=0).
func (r *Request) NoResponse() { r.Conn.complete(r, nil) }

// Close ends the connection, as Kafka does for requests that it cannot even answer with an error.
func (r *Request) Close(reason string) {
	r.Conn.abort(reason)
	r.Conn.complete(r, nil)
}

// OnCancel sets a function that is called once if the connection ends before the request is answered, in order to free what waits for
// it. It may be called at once.
func (r *Request) OnCancel(f func()) {
	c := r.Conn
	c.mu.Lock()
	if r.done {
		c.mu.Unlock()
		return
	}
	if c.closed {
		r.cancelled = true
		c.mu.Unlock()
		f()
		return
	}
	r.cancel = f
	c.mu.Unlock()
}

// free gives the frame back. The caller holds no lock.
func (r *Request) free() {
	r.frame.Release()
	r.frame, r.Body = nil, nil
	r.Conn.server.budget.release(r.budgeted)
	r.budgeted = 0
}

// Bytes is the simplest Response: a whole frame in a pooled buffer.
type Bytes struct{ *Buffer }

// WriteResponse implements Response.
func (b Bytes) WriteResponse(w *Writer) error { return w.Write(b.B) }

// Discard implements Response.
func (b Bytes) Discard() { b.Release() }
