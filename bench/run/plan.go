package main

import (
	"time"

	"ottla.dev/ottla/bench/load"
	"ottla.dev/ottla/internal/record"
)

// namedLoad is one entry of the plan.
type namedLoad struct {
	name, about string
	quick       bool // part of a quick run
	ownBrokers  bool // needs brokers of its own and leaves them in no state for others
	run         func(b *bench, name string) error
}

const (
	// batchBytes is the batch.size of Kafka's producer.
	batchBytes = 16 << 10
	// inFlight is its max.in.flight.requests.per.connection.
	inFlight = 5
	// many is how many partitions "many partitions" are.
	many = 64
)

// loads is the plan of a run.
func loads(quick bool) []namedLoad {
	mega, pacedFor, txnFor := int64(512<<20), 10*time.Second, 5*time.Second
	// A fetch load reads everything over several connections: what an answer costs depends on how sender and receiver happen to fall into step, which
	// differs from one to the next.
	passes := 4
	if quick {
		mega, pacedFor, txnFor, passes = 128<<20, 3*time.Second, 2*time.Second, 10
	}
	one := func(recordBytes int) load.Shape {
		return load.Shape{RecordBytes: recordBytes, BatchBytes: batchBytes, Partitions: 1, PartitionsPerRequest: 1}
	}
	spread := func(recordBytes, keyBytes, batch, perRequest int) load.Shape {
		return load.Shape{RecordBytes: recordBytes, KeyBytes: keyBytes, BatchBytes: batch, Partitions: many, PartitionsPerRequest: perRequest}
	}
	with := func(s load.Shape, codec record.Codec) load.Shape {
		s.Codec = codec
		return s
	}
	large := one(1000)
	large.BatchBytes = 256 << 10
	produce := func(s load.Shape, producers int, bytes int64) func(*bench, string) error {
		return produceLoad(load.Produce{Shape: s, Producers: producers, InFlight: inFlight, Bytes: bytes})
	}
	fetch := func(s load.Shape, consumers int, bytes int64, maxBytes, maxPartitionBytes int) func(*bench, string) error {
		return fetchLoad(s, bytes, load.Fetch{
			Partitions: s.Partitions, Consumers: consumers, Passes: passes / consumers, MaxBytes: maxBytes, MaxPartitionBytes: maxPartitionBytes,
		})
	}
	txns := func(records int) load.Transactions {
		return load.Transactions{Producers: 8, Records: records, RecordBytes: 100, Partitions: 4, For: txnFor}
	}
	recurring := func(bytes int64) load.Produce { // a quarter of the records has the last value of its key
		s := one(1000)
		s.KeyBytes = 16
		return load.Produce{Shape: s, Producers: 1, InFlight: inFlight, Bytes: bytes, Distinct: int(bytes / 4 / batchBytes)}
	}
	return []namedLoad{
		{"start", "process start to the first acknowledged record, and idle memory", true, true, startLoad},
		{"produce-1k", "1 KB records, 16 KiB batches, one partition, one producer", true, false, produce(one(1000), 1, mega)},
		{"produce-100b", "100 B records, as above", true, false, produce(one(100), 1, mega)},
		{"produce-idempotent", "as produce-1k, with a producer id and sequence numbers", false, false,
			produceLoad(load.Produce{Shape: one(1000), Producers: 1, InFlight: inFlight, Bytes: mega, Idempotent: true})},
		{"produce-large", "1 KB records, 256 KiB batches", false, false, produce(large, 1, 2*mega)},
		{"produce-lz4", "1 KB records compressed with lz4, 16 KiB before it", false, false, produce(with(one(1000), record.CodecLz4), 1, mega/2)},
		{"produce-zstd-100b", "100 B records compressed with zstd, 16 KiB before it", false, false, produce(with(one(100), record.CodecZstd), 1, mega/2)},
		{"produce-many", "1 KB records, 64 partitions, 8 batches of 16 KiB in a request", true, false, produce(spread(1000, 0, batchBytes, 8), 1, 2*mega)},
		{"produce-keyed", "100 B records with keys: 64 partitions, 64 batches of 1 KiB in a request", false, false, produce(spread(100, 16, 1<<10, many), 1, mega/2)},
		{"produce-50", "1 KB records, 64 partitions, 50 producers", false, false, produce(spread(1000, 0, batchBytes, 1), 50, mega)},
		{"fetch-1k", "catch-up: 1 KB records in 16 KiB batches, one partition, 1 MiB an answer", true, false, fetch(one(1000), 1, 2*mega, 50<<20, 1<<20)},
		{"fetch-100b", "catch-up: 100 B records", false, false, fetch(one(100), 1, 2*mega, 50<<20, 1<<20)},
		{"fetch-small", "catch-up: 1 KB records, 32 KiB an answer", false, false, fetch(one(1000), 1, mega, 50<<20, 32<<10)},
		{"fetch-many", "catch-up: 64 partitions, 128 KiB of each in an answer", false, false, fetch(spread(1000, 0, batchBytes, 8), 1, 2*mega, 8<<20, 128<<10)},
		{"fetch-10", "catch-up: as fetch-1k by 10 consumers", false, false, fetch(one(1000), 10, mega/2, 50<<20, 1<<20)},
		{"latency-ack", "produce at a fixed rate, due time to acknowledgement", true, false, pacedLoad(load.Paced{Shape: rated(), PerSecond: pacedPerSecond, For: pacedFor})},
		{"latency-tail", "produce at a fixed rate, due time to a consumer at the tail", false, false, pacedLoad(load.Paced{Shape: rated(), PerSecond: pacedPerSecond, For: pacedFor, Tail: true})},
		{"franz-produce", "franz-go's producer as it comes, 1 KB records, one partition", false, false, franzProduceLoad(1000, mega/2)},
		{"franz-fetch", "franz-go's consumer as it comes, 1 KB records, one partition", false, false, franzFetchLoad(one(1000), mega/2)},
		{"txn-1", "8 producers, transactions of 1 record of 100 B on 4 partitions", true, false, transactionsLoad(txns(1))},
		{"txn-10", "as txn-1, 10 records", false, false, transactionsLoad(txns(10))},
		{"txn-100", "as txn-1, 100 records", false, false, transactionsLoad(txns(100))},
		{"cleaner", "one pass of the log cleaner: 1 KB records, a quarter of which is kept", false, false, cleanerLoad(recurring(mega))},
		{"cleaner-latency", "produce at a fixed rate before and while the cleaner works on another topic", false, false,
			latencyBesideCleaner(recurring(2*mega), load.Paced{Shape: rated(), PerSecond: pacedPerSecond, For: 2 * time.Second})},
		{"partitions", "memory of idle partitions, and the start after kill -9 with them", false, true, partitionsLoad},
	}
}

// pacedPerSecond is far below what each side can do, so that latency is not queueing.
const pacedPerSecond = 500

// rated is the shape of the requests at a fixed rate: four records of 1 KB.
func rated() load.Shape {
	return load.Shape{RecordBytes: 1000, BatchBytes: 4200, Partitions: 1, PartitionsPerRequest: 1}
}
