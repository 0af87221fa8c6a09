package coordinator

// Log is one partition of an internal topic, as its leader sees it. The node adapts a replica to it; the adapter is
// bound to the leader epoch in which the shard was elected, and refuses appends when that is over.
type Log interface {
	// LogStartOffset is where loading begins.
	LogStartOffset() int64
	// LogEndOffset is where loading ends.
	LogEndOffset() int64
	// HighWatermark is the offset below which everything is committed.
	HighWatermark() int64
	// MaxBatchBytes is the largest batch that Append accepts (max.message.bytes of the topic).
	MaxBatchBytes() int
	// Append writes one record batch. It sets the batch's base offset and leader epoch in place, and returns the
	// offset of its first record and the one after its last. When it fails, nothing was written. The buffer belongs
	// to the caller again when Append returns. Batches of transactions and markers are checked against the state of
	// their producer, as those of clients and transaction coordinators are elsewhere.
	Append(batch []byte, options AppendOptions) (firstOffset, endOffset int64, err error)
	// Read returns batches from the one that holds the offset on: at least one whole one where there is one, and else
	// no more than maxBytes, which may end inside a batch; it may use the given buffer. It reads up to the log end
	// offset.
	Read(from int64, maxBytes int, buffer []byte) ([]byte, error)
	// OnHighWatermark has f called after each advance of the high watermark, from any goroutine, also from within
	// Append. The returned function ends that.
	OnHighWatermark(f func()) (cancel func())
}
