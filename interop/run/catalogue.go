package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// client is one entry of the table that this program prints.
type client struct {
	name string
	// programs must be on the PATH.
	programs []string
	// install brings what the client needs and returns the command that runs it.
	install func(ctx context.Context, w workplace) (command, error)
	// drive runs what was installed against the node; nil for a program that keeps the contract of ../clients/README.md.
	drive driveFunc
	// settings of the node, as key=value, over the defaults.
	settings []string
	// features are the levels that the cluster is formatted with, as name=level; others have what a new cluster has.
	features []string
	// env is added to the client's environment.
	env []string
	// ownNodes names the targets of which the entry itself starts the nodes that it needs.
	ownNodes []string
	// only names the one target for which the entry makes sense; empty: every.
	only string
}

// driveFunc runs a command, with the checks whose name contains some text, and counts; log gets everything, progress a line for the
// person who waits.
type driveFunc func(ctx context.Context, c command, n node, checks string, log io.Writer, progress func(line string)) tally

// command runs an installed client.
type command struct {
	args []string
	dir  string
	env  []string
}

// timeouts are the settings of nodes that see transactions: those that take too long are found sooner than every ten seconds.
var timeouts = []string{"transaction.abort.timed.out.transaction.cleanup.interval.ms=500"}

// javaAt runs the transaction checks of Apache's client 4.3 on a cluster at an older level of transactions, where it speaks the older
// protocol.
func javaAt(name, level string) client {
	return client{
		name: name, programs: []string{"java", "mvn"}, install: mavenProgram("java", "kafka-4.3", "transactions"), settings: timeouts,
		features: []string{"transaction.version=" + level}, env: []string{"TRANSACTION_VERSION=" + level},
	}
}

// catalogue lists what `-clients all` runs, the slow ones first so that the last to end is a short one.
var catalogue = []client{
	{name: "takeover", programs: []string{"go", "java"}, install: program("interop/takeover"), ownNodes: []string{targetOttla}, only: targetOttla},
	{name: "apache-tools", programs: []string{"go", "java"}, install: goTests("./interop/tools/...", "interop"), ownNodes: []string{targetOttla, targetApache}},
	{name: "apache-client-tools", programs: []string{"go", "java"}, install: goTests("./interop/clienttools/...", "interop"), ownNodes: []string{targetApache},
		settings: []string{"group.initial.rebalance.delay.ms=0", "offsets.topic.num.partitions=4"}},
	{name: "franz-go-suite", programs: []string{"go"}, install: goProgram("franz-go", "suite")},
	{name: "java-4.3", programs: []string{"java", "mvn"}, install: mavenProgram("java", "kafka-4.3"), settings: timeouts},
	{name: "java-2.8", programs: []string{"java", "mvn"}, install: mavenProgram("java", "kafka-2.8"), settings: timeouts},
	{name: "streams", programs: []string{"java", "mvn"}, install: mavenProject("interop/streams/app", "dev.ottla.interop.streams.Main"), drive: driveStreams, settings: timeouts},
	{name: "checkers", programs: []string{"go"}, install: goProgram("checkers"), settings: append(timeouts[:1:1], "log.cleaner.backoff.ms=300", "log.initial.task.delay.ms=500",
		"log.cleaner.dedupe.buffer.size=8388608", "offsets.topic.segment.bytes=1048576", "transaction.state.log.segment.bytes=1048576")},
	javaAt("java-4.3-tv1", "1"),
	javaAt("java-4.3-tv0", "0"),
	{name: "confluent-kafka", programs: []string{"python3"}, install: pythonProgram("confluent-kafka"), settings: timeouts},
	{name: "kafka-python", programs: []string{"python3"}, install: pythonProgram("kafka-python"), settings: timeouts},
	{name: "kafkajs", programs: []string{"node", "npm"}, install: nodeProgram("kafkajs"), settings: timeouts},
	{name: "sarama", programs: []string{"go"}, install: goProgram("sarama"), settings: timeouts},
	{name: "kafka-go", programs: []string{"go"}, install: goProgram("kafka-go")},
	{name: "franz-go", programs: []string{"go"}, install: goProgram("franz-go"), settings: timeouts},
	{name: "golden", programs: []string{"go"}, install: goTests("./interop/golden/...", ""), ownNodes: []string{targetOttla}, only: targetOttla},
}

func names(clients []client) []string {
	var all []string
	for _, c := range clients {
		all = append(all, c.name)
	}
	return all
}

// choose returns the clients that list names, in the order of the catalogue.
func choose(all []client, list, target string) ([]client, error) {
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		wanted[strings.TrimSpace(name)] = true
	}
	everything := wanted["all"]
	delete(wanted, "all")
	var chosen []client
	for _, c := range all {
		named := wanted[c.name]
		delete(wanted, c.name)
		if c.only != "" && c.only != target {
			if named {
				return nil, fmt.Errorf("%s runs with -target %s only", c.name, c.only)
			}
			continue
		}
		if named || everything {
			chosen = append(chosen, c)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("no client %q; there are all, %s", name, strings.Join(names(all), ", "))
	}
	return chosen, nil
}
