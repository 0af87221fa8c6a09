package config

import (
	"context"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

func deleteCommand(p *profile.Profile) *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:     "delete RESOURCE SETTING...",
		Aliases: []string{"unset", "reset", "rm"},
		Short:   "Give settings back to their defaults",
		Long:    "Take settings off a resource, so that what is set above it, or the default, holds again.\n\n" + resourceHelp,
		Example: `  ottla config delete topic orders retention.ms
  ottla config delete broker 1 log.cleaner.threads --dry-run`,
		ValidArgsFunction: settingNames(p, ""),
		RunE: func(c *cobra.Command, args []string) error {
			return run(c, p, args, func(ctx context.Context, s *profile.Session, r Resource, names []string) error {
				return unset(ctx, s, r, names, dryRun)
			})
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "have the broker check the change, and change nothing")
	return c
}

func unset(ctx context.Context, s *profile.Session, resource Resource, names []string, dryRun bool) error {
	if len(names) == 0 {
		return output.Usagef("no setting named")
	}
	var changes []Change
	for _, name := range names {
		changes = append(changes, Delete(name))
	}
	changed, err := Alter(ctx, s.Client, resource, changes, dryRun)
	if err != nil {
		return err
	}
	return PrintChanges(s.Out, changed, dryRun)
}
