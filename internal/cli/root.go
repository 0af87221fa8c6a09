// Package cli is the command line of the one binary: `ottla …` for people, and Kafka's tools under the names that scripts use.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/brokercmd"
	"ottla.dev/ottla/internal/cli/config"
	"ottla.dev/ottla/internal/cli/consume"
	"ottla.dev/ottla/internal/cli/debug"
	"ottla.dev/ottla/internal/cli/group"
	"ottla.dev/ottla/internal/cli/installtools"
	"ottla.dev/ottla/internal/cli/kafkatools"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/produce"
	"ottla.dev/ottla/internal/cli/profile"
	"ottla.dev/ottla/internal/cli/serve"
	"ottla.dev/ottla/internal/cli/topic"
	"ottla.dev/ottla/internal/cli/txn"
)

// Version is the version of this build.
const Version = "0.1.0-dev"

// Main runs the program with os.Args and returns its exit code. Called under the name of one of Kafka's tools, it is that tool.
func Main(args []string) int {
	if t, ok := kafkatools.Lookup(filepath.Base(args[0])); ok {
		return runTool(t, args[1:])
	}
	if len(args) > 1 {
		if t, ok := kafkatools.Lookup(args[1]); ok {
			return runTool(t, args[2:])
		}
	}
	root := Root()
	return execute(context.Background(), root, args[1:], os.Stderr)
}

func runTool(t tool.Tool, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return t.Run(ctx, tool.IO{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, args)
}

// Root returns the tree of commands.
func Root() *cobra.Command {
	root := profile.Noun(&cobra.Command{
		Use:   "ottla",
		Short: "A streaming platform that speaks Apache Kafka's protocol",
		Long: `Ottla is a streaming platform that speaks Apache Kafka's protocol: the node, its tools, and Kafka's tools under their own names.

Commands to a cluster take --bootstrap (or ` + profile.BootstrapEnv + `), and -o table, wide, json or yaml. Whatever changes something has --dry-run.

Exit codes:
` + output.ExitCodes,
		Example: `  ottla serve
  ottla topic create orders --partitions 3
  echo hello | ottla produce orders
  ottla consume orders --from start --max 1
  ottla group lag
  ottla kafka-topics --bootstrap-server 127.0.0.1:9092 --list`,
		Version:       Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	root.AddGroup(&cobra.Group{ID: "people", Title: "Commands:"}, &cobra.Group{ID: "kafka", Title: "Apache Kafka's tools, with their own options and output:"})
	root.AddCommand(inGroup("people", serve.Command(), brokercmd.StatusCommand(), topic.Command(), group.Command(), txn.Command(), produce.Command(), consume.Command(),
		config.Command(), brokercmd.Command(), debug.Command(), installtools.Command())...)
	for _, t := range kafkatools.All() {
		root.AddCommand(inGroup("kafka", toolCommand(t))...)
	}
	root.SetHelpCommandGroupID("people")
	root.SetCompletionCommandGroupID("people")
	return root
}

func inGroup(id string, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.GroupID = id
	}
	return commands
}

// toolCommand lists a Kafka tool in the help; Main runs it before cobra sees its options.
func toolCommand(t tool.Tool) *cobra.Command {
	return &cobra.Command{
		Use:                t.Name,
		Short:              t.Short,
		Hidden:             !strings.HasPrefix(t.Name, "kafka-"),
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if code := t.Run(cmd.Context(), tool.IO{Stdin: cmd.InOrStdin(), Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr()}, args); code != 0 {
				return exitCode(code)
			}
			return nil
		},
	}
}

// exitCode is an error that has been reported and only carries the exit code.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// execute runs a command tree, prints the error there may be in the form of output that was asked for, and returns the exit code.
func execute(ctx context.Context, root *cobra.Command, args []string, stderr io.Writer) int {
	root.SetArgs(args)
	ran := false // until then, an error is one of the command line
	root.PersistentPreRun = func(*cobra.Command, []string) { ran = true }
	command, err := root.ExecuteContextC(ctx)
	var code exitCode
	switch {
	case err == nil:
		return output.OK
	case errors.As(err, &code):
		return int(code)
	case !ran:
		hint := fmt.Sprintf("`%s --help` says more.", command.CommandPath())
		if near := flagHint(command, err); near != "" {
			hint = fmt.Sprintf("Did you mean --%s? %s", near, hint)
		}
		err = output.Usagef("%v", err).WithHint("%s", hint)
	}
	return output.PrintError(stderr, format(command, args), err)
}

// format is the form of output that a command was told, even if the command line is wrong before it says so.
func format(command *cobra.Command, args []string) output.Format {
	f := output.Table
	if flag := command.Flag("output"); flag != nil && flag.Changed {
		return output.Format(flag.Value.String())
	}
	for i, arg := range args {
		value, ok := strings.CutPrefix(arg, "--output=")
		if !ok {
			value, ok = strings.CutPrefix(arg, "-o")
		}
		if (arg == "-o" || arg == "--output") && i+1 < len(args) {
			value, ok = args[i+1], true
		}
		if ok && f.Set(strings.TrimPrefix(value, "=")) == nil {
			return f
		}
	}
	return output.Table
}
