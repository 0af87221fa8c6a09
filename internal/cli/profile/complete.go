package profile

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

// completionTimeout bounds what a press of the Tab key may take.
const completionTimeout = time.Second

// Complete is a completion of arguments or of a flag.
type Complete = func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective)

// Topics completes names of topics, for as many arguments as max allows; 0 is no limit.
func (p *Profile) Topics(max int) Complete {
	return p.FromBroker(max, func(ctx context.Context, admin *kadm.Client) ([]string, error) {
		topics, err := admin.ListTopics(ctx)
		return topics.Names(), err
	})
}

// Groups completes names of groups, for as many arguments as max allows; 0 is no limit.
func (p *Profile) Groups(max int) Complete {
	return p.FromBroker(max, func(ctx context.Context, admin *kadm.Client) ([]string, error) {
		groups, err := admin.ListGroups(ctx)
		return groups.Groups(), err
	})
}

// FromBroker completes names that a question to the broker gives, for as many arguments as max allows; 0 is no limit.
func (p *Profile) FromBroker(max int, list func(context.Context, *kadm.Client) ([]string, error)) Complete {
	return func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if max > 0 && len(args) >= max {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
		defer cancel()
		client, err := p.connect(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer client.Close()
		names, err := list(ctx, kadm.NewClient(client))
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) || slices.Contains(args, name) })
		slices.Sort(names)
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// CompleteFlag has a flag completed.
func CompleteFlag(c *cobra.Command, flag string, complete Complete) {
	if err := c.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // no such flag: a mistake in the command
	}
}

// Choices completes a flag that has a few values.
func Choices(values ...string) Complete {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	}
}
