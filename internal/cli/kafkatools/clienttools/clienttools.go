// Package clienttools holds Apache's command-line tools that produce, consume and look into log files: the console producer
// and consumer, the two performance tests, the two verifiable clients of Kafka's system tests, and kafka-dump-log. They take
// the options of Apache's tools and print what those print.
//
// Each tool has a file for its options and one or more for its work. properties.go turns the Java clients' property names,
// which users know and have in files, into options of the Go client.
package clienttools

import (
	"ottla.dev/ottla/internal/cli/kafkatools/clienttools/dumplog"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// All gives the tools of this package.
func All() []tool.Tool {
	return []tool.Tool{
		{Name: "kafka-console-producer", Short: "Write lines from standard input to a topic", Run: runConsoleProducer},
		{Name: "kafka-console-consumer", Short: "Print the records of topics", Run: runConsoleConsumer},
		{Name: "kafka-producer-perf-test", Short: "Measure how fast records can be produced", Run: runProducerPerf},
		{Name: "kafka-consumer-perf-test", Short: "Measure how fast records can be consumed", Run: runConsumerPerf},
		{Name: "kafka-verifiable-producer", Short: "Produce numbers and print what became of each, for tests", Run: runVerifiableProducer},
		{Name: "kafka-verifiable-consumer", Short: "Consume and print every event, for tests", Run: runVerifiableConsumer},
		{Name: "kafka-dump-log", Short: "Print and check log files and their indexes", Run: dumplog.Run},
	}
}
