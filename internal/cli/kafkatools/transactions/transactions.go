// Package transactions is the kafka-transactions tool: it shows transactions and the producers behind them, finds those that hang, and ends them.
package transactions

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Tool is kafka-transactions.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-transactions", Short: "Show transactions and their producers, and end those that hang", Run: run}
}

// command is one run of the tool.
type command struct {
	tool.IO
	client *tool.Client
	now    func() time.Time
}

// subcommand reads its options and checks them; what it returns is done with a connection.
type subcommand func(*tool.Options) (func(context.Context, *command) error, error)

func run(ctx context.Context, s tool.IO, args []string) int {
	return tool.Finish(s, nil, execute(ctx, &command{IO: s, now: time.Now}, args))
}

func execute(ctx context.Context, c *command, args []string) error {
	p := tool.NewArgParser("kafka-transactions.sh", "Shows the state of transactions and of the producers in partitions. It finds hanging transactions and ends them.", 1)
	p.WithVersion()
	config := p.String("command-config", "FILE", "Properties for the admin client.")
	bootstrap := p.String("bootstrap-server", "host:port", "Brokers to start from.").Required()
	p.CommandWord("COMMAND")
	commands := map[string]subcommand{
		"list":                      listCommand(p),
		"describe":                  describeCommand(p),
		"describe-producers":        producersCommand(p),
		"abort":                     abortCommand(p),
		"find-hanging":              findHangingCommand(p),
		"forceTerminateTransaction": forceTerminateCommand(p),
	}
	o, err := p.Parse(args)
	if err != nil {
		return err
	}
	name, options := o.Command()
	c.client, err = admin.Connect(o.String(bootstrap), o.String(config), nil)
	if err != nil {
		return connectError(o.String(config), err)
	}
	defer c.client.Close()
	do, err := commands[name](options)
	if err != nil {
		return err
	}
	return do(ctx, c)
}

func connectError(config string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return failed("Failed to load admin client properties", tool.Errorf("%s", config))
	}
	return err
}

// failed says which step failed and why.
func failed(step string, err error) error {
	return tool.Fail("%s: %s. Enable debug logging for additional detail.", step, tool.Message(err))
}

// table prints rows below their headings. Every cell is as wide as its column, the last one too, and ends with a tab.
func (c *command) table(headings []string, rows [][]string) {
	widths := make([]int, len(headings))
	all := append([][]string{headings}, rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-len([]rune(cell))) + "\t")
		}
		c.Println(line.String())
	}
}
