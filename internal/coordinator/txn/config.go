package txn

// Config holds the settings of the transaction coordinator.
type Config struct {
	MaxTimeoutMs              int32 // transaction.max.timeout.ms
	IDExpirationMs            int64 // transactional.id.expiration.ms
	AbortTimedOutIntervalMs   int64 // transaction.abort.timed.out.transaction.cleanup.interval.ms
	RemoveExpiredIntervalMs   int64 // transaction.remove.expired.transaction.cleanup.interval.ms
	LoadBufferBytes           int32 // transaction.state.log.load.buffer.size
	RequestTimeoutMs          int32 // request.timeout.ms: how long a record may take to be committed
	MarkerRetryBackoffMs      int64 // before a marker that could not be written is tried again
	MaxMarkerRequestsInFlight int   // how many WriteTxnMarkers of this coordinator may be unanswered
	MaxMarkersPerRequest      int   // how many transactions one of them may end
}

// DefaultConfig returns Kafka's defaults.
func DefaultConfig() Config {
	return Config{
		MaxTimeoutMs:              15 * 60 * 1000,
		IDExpirationMs:            7 * 24 * 3_600_000,
		AbortTimedOutIntervalMs:   10_000,
		RemoveExpiredIntervalMs:   3_600_000,
		LoadBufferBytes:           5 << 20,
		RequestTimeoutMs:          30_000,
		MarkerRetryBackoffMs:      100,
		MaxMarkerRequestsInFlight: 16,
		MaxMarkersPerRequest:      500,
	}
}
