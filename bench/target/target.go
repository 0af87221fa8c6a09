package target

import "context"

// Target is one side of the comparison. Its methods are for one goroutine at a time.
type Target interface {
	// Addr is where it listens.
	Addr() string
	// DataDir is where a broker keeps its partitions; empty for what is no broker.
	DataDir() string
	// Pid is the id of its process, 0 when none runs.
	Pid() int
	// Restart starts the process again on the same data and address, after Shutdown or Kill. It may return before the process serves.
	Restart(ctx context.Context) error
	// Shutdown ends the process in an orderly way and keeps the data.
	Shutdown() error
	// Kill ends the process as kill -9 does and keeps the data.
	Kill()
	// Remove ends the process and removes the data.
	Remove() error
}

// The names of the sides, in the order of the table.
const (
	NameOttla  = "ottla"
	NameApache = "apache"
	NameFloor  = "floor"
)

// brokerProperties differ from the defaults on both brokers: deleted topics leave the disk soon, since every sample has its own.
var brokerProperties = map[string]string{"log.segment.delete.delay.ms": "1000"}
