// Package groups is the kafka-groups tool: it lists the groups of all types.
package groups

import (
	"context"
	"fmt"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Tool is kafka-groups.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-groups", Short: "List groups of all types", Run: run}
}

const intro = "Lists groups of all types."

type options struct {
	*tool.Options
	parser                   *tool.Parser
	bootstrap, commandConfig *tool.Option
	list, groupType          *tool.Option
	protocol, consumer       *tool.Option
	share, streams           *tool.Option
}

func declare() *options {
	p := tool.NewParser(intro)
	return &options{
		parser:        p,
		bootstrap:     p.String("bootstrap-server", "host:port", "Brokers to start from. Required.").Required(),
		commandConfig: p.String("command-config", "file", "Properties for the admin client."),
		list:          p.Flag("list", "List the groups."),
		groupType:     p.String("group-type", "type", "Only groups of this type: classic, consumer, share or streams."),
		protocol:      p.String("protocol", "protocol", "Only groups of this protocol type."),
		consumer:      p.Flag("consumer", "Only groups of consumers: type consumer, or type classic with the protocol type consumer or none."),
		share:         p.Flag("share", "Only share groups."),
		streams:       p.Flag("streams", "Only streams groups."),
	}
}

func (o *options) read(args []string) error {
	var err error
	if len(args) == 0 {
		return tool.UsageError(intro)
	}
	if o.Options, err = o.parser.Parse(args); err != nil {
		return tool.UsageError("%s", err.Error())
	}
	if err := o.Check().HelpOrVersion().Err(); err != nil {
		return err
	}
	if err := o.ValueError(); err != nil {
		return err
	}
	if !o.Has(o.list) {
		return tool.UsageError("Command must include exactly one action: --list.")
	}
	if o.Has(o.groupType) && admin.ParseGroupType(o.String(o.groupType)) == admin.UnknownType {
		return tool.Errorf("--group-type must be a valid group type.")
	}
	check := o.Check()
	check.Invalid(o.consumer, o.groupType, o.protocol, o.share, o.streams)
	check.Invalid(o.share, o.consumer, o.groupType, o.protocol, o.streams)
	check.Invalid(o.streams, o.consumer, o.groupType, o.protocol, o.share)
	return check.Err()
}

func run(ctx context.Context, s tool.IO, args []string) int {
	o := declare()
	if err := o.read(args); err != nil {
		return tool.Finish(s, o.parser, err)
	}
	client, err := admin.Connect(o.String(o.bootstrap), o.String(o.commandConfig), nil)
	if err != nil {
		return tool.Finish(s, o.parser, err)
	}
	defer client.Close()
	found, err := admin.ListGroups(ctx, client, admin.GroupQuery{})
	if err != nil {
		s.Println("Error while executing groups command : " + tool.Message(err))
		return 1
	}
	var rows [][3]string
	for _, g := range found {
		if o.wants(g) {
			rows = append(rows, [3]string{g.ID, string(g.Type), g.Protocol})
		}
	}
	print(s, rows)
	return 0
}

// wants tells whether the command line asks for a group.
func (o *options) wants(g admin.GroupListing) bool {
	switch {
	case o.Has(o.groupType):
		return g.Type == admin.ParseGroupType(o.String(o.groupType)) && (!o.Has(o.protocol) || g.Protocol == o.String(o.protocol))
	case o.Has(o.protocol):
		return g.Protocol == o.String(o.protocol)
	case o.Has(o.consumer):
		return g.Protocol == "consumer" || g.Protocol == "" || g.Type == admin.ConsumerType
	case o.Has(o.share):
		return g.Type == admin.ShareType
	case o.Has(o.streams):
		return g.Type == admin.StreamsType
	}
	return true
}

// print writes the table; all columns are as wide as the widest cell.
func print(s tool.IO, rows [][3]string) {
	width := 20
	for _, row := range rows {
		for _, cell := range row {
			width = max(width, len(cell))
		}
	}
	s.Printf("%-*s %-*s %-*s\n", width, "GROUP", width, "TYPE", width, "PROTOCOL")
	for _, row := range rows {
		var b strings.Builder
		for _, cell := range row {
			fmt.Fprintf(&b, "%-*s ", width, cell)
		}
		s.Println(b.String())
	}
}
