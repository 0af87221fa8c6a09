// Package storageformat reads and writes what `kafka-storage format` leaves in a data directory, so that a directory
// prepared for Apache Kafka serves Ottla and the other way round: meta.properties, bootstrap.checkpoint with feature
// levels and SCRAM credentials, and the first snapshot of the metadata log with its voters. It also knows which features
// and metadata versions Kafka 4.3.1 has. Everything works on bytes; the caller reads and writes the files.
package storageformat

import "fmt"

// The names of the files, in a data directory.
const (
	MetaPropertiesFile = "meta.properties"
	BootstrapFile      = "bootstrap.checkpoint"
	// VotersFile is the first snapshot of the metadata log, in the directory with the metadata.
	VotersFile = "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint"
)

// Refusal is an error about what was asked for, in the words of Kafka's tool, which prints it as it is.
type Refusal string

// Error implements error.
func (r Refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }
