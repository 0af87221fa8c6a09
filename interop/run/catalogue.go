package main

import (
	"context"
	"fmt"
	"strings"
)

// client is one entry of the table that this program prints.
type client struct {
	name string
	// programs must be on the PATH.
	programs []string
	// install brings what the client needs and returns the command that runs it.
	install func(ctx context.Context, w workplace) (command, error)
	// settings of the node, as key=value, over the defaults.
	settings []string
	// ownNodes names the targets of which the entry itself starts the nodes that it needs.
	ownNodes []string
	// only names the one target for which the entry makes sense; empty: every.
	only string
}

// command runs an installed client.
type command struct {
	args []string
	dir  string
	env  []string
}

// catalogue lists what `-clients all` runs, the slow ones first so that the last to end is a short one.
var catalogue = []client{
	{name: "franz-go-suite", programs: []string{"go"}, install: goProgram("franz-go", "suite")},
	{name: "java-4.3", programs: []string{"java", "mvn"}, install: mavenProgram("java", "kafka-4.3")},
	{name: "java-2.8", programs: []string{"java", "mvn"}, install: mavenProgram("java", "kafka-2.8")},
	{name: "confluent-kafka", programs: []string{"python3"}, install: pythonProgram("confluent-kafka")},
	{name: "kafka-python", programs: []string{"python3"}, install: pythonProgram("kafka-python")},
	{name: "kafkajs", programs: []string{"node", "npm"}, install: nodeProgram("kafkajs")},
	{name: "sarama", programs: []string{"go"}, install: goProgram("sarama")},
	{name: "kafka-go", programs: []string{"go"}, install: goProgram("kafka-go")},
	{name: "franz-go", programs: []string{"go"}, install: goProgram("franz-go")},
	{name: "apache-tools", programs: []string{"go", "java"}, install: goTests("./interop/tools/...", "interop"), ownNodes: []string{targetOttla, targetApache}},
	{name: "apache-client-tools", programs: []string{"go", "java"}, install: goTests("./interop/clienttools/...", "interop"), ownNodes: []string{targetApache},
		settings: []string{"group.initial.rebalance.delay.ms=0", "offsets.topic.num.partitions=4"}},
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
