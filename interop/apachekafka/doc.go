// Package apachekafka runs Apache Kafka 4.3.1 beside tests: a one-node broker with its own directory and ports, and any of
// Apache's command-line tools by the name of its class.
//
// It is the yardstick of the interop suite: the same check runs against Apache Kafka, to prove the check, and against Ottla. It
// needs Java 17 and, the first time, Maven, which copies the jars named in pom.xml into the repository's .cache folder.
// OTTLA_KAFKA_LIBS names a folder that already holds them. Ordinary `go test ./...` stays free of Java: tests that use this
// package skip themselves unless Enabled.
package apachekafka

import "os"

// Version is the release of Apache Kafka that pom.xml pins.
const Version = "4.3.1"

// Enabled tells whether tests may start Apache Kafka: OTTLA_INTEROP=1 is set. `make interop` and `make golden` set it.
func Enabled() bool { return os.Getenv("OTTLA_INTEROP") == "1" }
