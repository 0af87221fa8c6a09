// Package profile is what the commands for people have in common: the flags that say which cluster, the connection, the question before
// something is destroyed, and completion from the broker.
package profile

import (
	"cmp"
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/output"
)

// BootstrapEnv names the environment variable that holds the addresses of brokers.
const BootstrapEnv = "OTTLA_BOOTSTRAP"

// DefaultBootstrap is where a node listens that was told nothing else.
const DefaultBootstrap = "127.0.0.1:9092"

// Profile holds the flags that every command to a cluster has.
type Profile struct {
	bootstrap []string
	timeout   time.Duration
	format    output.Format
	patience  time.Duration // for the first answer of a broker
}

// Bind adds the common flags to a command and all below it.
func Bind(c *cobra.Command) *Profile {
	p := &Profile{patience: connectTimeout}
	f := c.PersistentFlags()
	f.StringSliceVarP(&p.bootstrap, "bootstrap", "b", nil, "brokers to start from, host:port (or "+BootstrapEnv+"; default "+DefaultBootstrap+")")
	f.DurationVar(&p.timeout, "timeout", 30*time.Second, "how long a request may take altogether")
	BindFormat(c, &p.format)
	return p
}

// BindFormat adds the flag for the form of output to a command and all below it.
func BindFormat(c *cobra.Command, format *output.Format) {
	*format = output.Table
	c.PersistentFlags().VarP(format, "output", "o", "form of the output")
	complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		names := make([]string, len(output.Formats))
		for i, f := range output.Formats {
			names[i] = string(f)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	if err := c.RegisterFlagCompletionFunc("output", complete); err != nil {
		panic(err) // the flag stands one line above
	}
}

// Seeds gives the addresses to start from: the flag's, the environment's, or the default.
func (p *Profile) Seeds() []string {
	if len(p.bootstrap) > 0 {
		return p.bootstrap
	}
	var seeds []string
	for seed := range strings.SplitSeq(cmp.Or(os.Getenv(BootstrapEnv), DefaultBootstrap), ",") {
		if seed = strings.TrimSpace(seed); seed != "" {
			seeds = append(seeds, seed)
		}
	}
	return seeds
}

// Session is what a command works with.
type Session struct {
	Client *kgo.Client
	Admin  *kadm.Client
	Out    *output.Printer
	In     io.Reader
	// Interactive says that a person can be asked.
	Interactive bool
	// Timeout is how long one request may take altogether.
	Timeout time.Duration
	// Connect makes one more client to the same cluster, for what has options of its own, such as a group.
	Connect func(opts ...kgo.Opt) (*kgo.Client, error)
}

// Run connects and runs a command that asks and gets answers, within the timeout.
func (p *Profile) Run(c *cobra.Command, run func(context.Context, *Session) error) error {
	ctx, cancel := context.WithTimeout(c.Context(), p.timeout)
	defer cancel()
	return p.with(ctx, c, run)
}

// Stream connects and runs a command that goes on until it is done or interrupted.
func (p *Profile) Stream(c *cobra.Command, run func(context.Context, *Session) error) error {
	return p.with(c.Context(), c, run)
}

func (p *Profile) with(ctx context.Context, c *cobra.Command, run func(context.Context, *Session) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	client, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	s := &Session{
		Client:      client,
		Admin:       kadm.NewClient(client),
		Out:         output.New(c.OutOrStdout(), c.ErrOrStderr(), p.format),
		In:          c.InOrStdin(),
		Interactive: output.IsTerminal(c.InOrStdin()) && output.IsTerminal(c.ErrOrStderr()),
		Timeout:     p.timeout,
		Connect:     p.newClient,
	}
	s.Admin.SetTimeoutMillis(int32(min(p.timeout, time.Hour).Milliseconds()))
	return run(ctx, s)
}
