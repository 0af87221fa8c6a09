// Package kafkatools holds Apache Kafka's command-line tools: the same names, options, output and exit codes, so that
// scripts written for Apache's scripts run unchanged.
package kafkatools

import (
	"slices"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/apiversions"
	"ottla.dev/ottla/internal/cli/kafkatools/clienttools"
	"ottla.dev/ottla/internal/cli/kafkatools/configs"
	"ottla.dev/ottla/internal/cli/kafkatools/consumergroups"
	"ottla.dev/ottla/internal/cli/kafkatools/deleterecords"
	"ottla.dev/ottla/internal/cli/kafkatools/features"
	"ottla.dev/ottla/internal/cli/kafkatools/getoffsets"
	"ottla.dev/ottla/internal/cli/kafkatools/groups"
	"ottla.dev/ottla/internal/cli/kafkatools/logdirs"
	"ottla.dev/ottla/internal/cli/kafkatools/storage"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/cli/kafkatools/topics"
	"ottla.dev/ottla/internal/cli/kafkatools/transactions"
)

// Tool is one command.
type Tool = tool.Tool

// IO is where a tool reads and writes.
type IO = tool.IO

// All gives every tool, sorted by name.
func All() []Tool {
	tools := append(clienttools.All(),
		apiversions.Tool(),
		configs.Tool(),
		consumergroups.Tool(),
		deleterecords.Tool(),
		features.Tool(),
		getoffsets.Tool(),
		groups.Tool(),
		logdirs.Tool(),
		storage.Tool(),
		topics.Tool(),
		transactions.Tool(),
	)
	slices.SortFunc(tools, func(a, b Tool) int { return strings.Compare(a.Name, b.Name) })
	return tools
}

// Lookup finds a tool by its name, with or without ".sh".
func Lookup(name string) (Tool, bool) { return tool.Find(All(), name) }
