// Package features is the kafka-features tool: it shows the levels of a cluster's features and moves them up and down.
package features

import (
	"context"
	"errors"
	"io/fs"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Tool is kafka-features.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-features", Short: "Show and change the levels of a cluster's features", Run: run}
}

// command is one run of the tool.
type command struct {
	tool.IO
	client *tool.Client
}

// subcommand is what a command line asks for.
type subcommand struct {
	offline bool // needs no cluster
	run     func(context.Context, *command, *tool.Options) error
}

func run(ctx context.Context, s tool.IO, args []string) int {
	return tool.Finish(s, nil, execute(ctx, &command{IO: s}, args))
}

func wrongCommandLine(message string) error {
	return tool.Fail("Command line error: %s. Type --help for help.", message)
}

func execute(ctx context.Context, c *command, args []string) error {
	p := tool.NewArgParser("kafka-features", "Shows and changes the levels of a cluster's features.", 0)
	p.ReportErrors(wrongCommandLine)
	bootstrap := p.String("bootstrap-server", "BOOTSTRAP_SERVER", "Brokers to start from, host:port joined by commas.")
	controller := p.String("bootstrap-controller", "BOOTSTRAP_CONTROLLER", "Controllers to start from; not supported here, use --bootstrap-server.")
	p.Exclusive(false, bootstrap, controller)
	config := p.String("command-config", "COMMAND_CONFIG", "Properties for the admin client.")
	commands := map[string]subcommand{
		"describe":             describeCommand(p),
		"upgrade":              moveCommand(p, upgrade),
		"downgrade":            moveCommand(p, downgrade),
		"disable":              disableCommand(p),
		"version-mapping":      versionMappingCommand(p),
		"feature-dependencies": dependenciesCommand(p),
	}
	o, err := p.Parse(args)
	if err != nil {
		return err
	}
	name, options := o.Command()
	sub := commands[name]
	switch {
	case sub.offline:
		return sub.run(ctx, c, options)
	case o.Has(controller):
		return tool.Fail("--bootstrap-controller is not supported: ask a broker with --bootstrap-server")
	}
	c.client, err = connect(o.String(bootstrap), o.String(config))
	if err != nil {
		return err
	}
	defer c.client.Close()
	return sub.run(ctx, c, options)
}

func connect(bootstrap, config string) (*tool.Client, error) {
	_, err := tool.ClientProperties(bootstrap, config, nil)
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return nil, tool.Errorf("%s", path.Path)
	case err != nil:
		return nil, err
	case bootstrap == "":
		return nil, wrongCommandLine("You must specify either --bootstrap-controller or --bootstrap-server.")
	}
	return admin.Connect(bootstrap, config, nil)
}
