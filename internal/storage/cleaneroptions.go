package storage

import (
	"math"
	"time"
)

// CleanerOptions are the settings of the log cleaner. Zero values are Kafka's defaults.
type CleanerOptions struct {
	Disabled          bool          // log.cleaner.enable=false
	Threads           int           // log.cleaner.threads
	DedupeBufferBytes int64         // log.cleaner.dedupe.buffer.size, over all threads
	IOBufferBytes     int           // log.cleaner.io.buffer.size, over all threads
	LoadFactor        float64       // log.cleaner.io.buffer.load.factor: how full the map of keys may become
	MaxBytesPerSecond float64       // log.cleaner.io.max.bytes.per.second, over all threads
	Backoff           time.Duration // log.cleaner.backoff.ms
}

func (o *CleanerOptions) setDefaults() {
	if o.Threads <= 0 {
		o.Threads = 1
	}
	if o.DedupeBufferBytes <= 0 {
		o.DedupeBufferBytes = 128 << 20
	}
	if o.IOBufferBytes <= 0 {
		o.IOBufferBytes = 512 << 10
	}
	if o.LoadFactor <= 0 || o.LoadFactor > 1 {
		o.LoadFactor = 0.9
	}
	if o.MaxBytesPerSecond <= 0 {
		o.MaxBytesPerSecond = math.MaxFloat64
	}
	if o.Backoff <= 0 {
		o.Backoff = 15 * time.Second
	}
}

// minIOBufferBytes is what a thread reads and writes at once at least.
const minIOBufferBytes = 16 << 10

// bufferBytes returns how large the read buffer and the write buffer of one thread are.
func (o *CleanerOptions) bufferBytes() int { return max(minIOBufferBytes, o.IOBufferBytes/o.Threads/2) }

// mapBytes returns how large the offset map of one thread may become.
func (o *CleanerOptions) mapBytes() int64 { return o.DedupeBufferBytes / int64(o.Threads) }
