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

	"ottla.dev/ottla/internal/cli/kafkatools"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/cli/serve"
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
	root.SetArgs(args[1:])
	return execute(context.Background(), root, os.Stderr)
}

func runTool(t tool.Tool, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return t.Run(ctx, tool.IO{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, args)
}

// Root returns the tree of commands.
func Root() *cobra.Command {
	root := &cobra.Command{
		Use:           "ottla",
		Short:         "A streaming platform that speaks Apache Kafka's protocol",
		Version:       Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(serve.Command())
	for _, t := range kafkatools.All() {
		root.AddCommand(toolCommand(t))
	}
	return root
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

// execute runs a command tree and returns the exit code: 0, or 1 after an error that it prints.
func execute(ctx context.Context, root *cobra.Command, stderr io.Writer) int {
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(stderr, "ottla: %v\n", err)
	return 1
}
