package config

import (
	"context"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

func setCommand(p *profile.Profile) *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   "set RESOURCE KEY=VALUE...",
		Short: "Change settings",
		Long: `Change settings of a resource, all that are named or none. key+=value appends to a setting that is a list, key-=value takes from it.

` + resourceHelp,
		Example: `  ottla config set topic orders retention.ms=86400000 compression.type=zstd
  ottla config set topic orders cleanup.policy+=delete
  ottla config set broker 1 log.cleaner.threads=2
  ottla config set cluster log.retention.ms=604800000 --dry-run`,
		ValidArgsFunction: settingNames(p, "="),
		RunE: func(c *cobra.Command, args []string) error {
			return run(c, p, args, func(ctx context.Context, s *profile.Session, r Resource, words []string) error {
				return set(ctx, s, r, words, dryRun)
			})
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "have the broker check the change, and change nothing")
	return c
}

func set(ctx context.Context, s *profile.Session, resource Resource, words []string, dryRun bool) error {
	if len(words) == 0 {
		return output.Usagef("no setting given: key=value")
	}
	var changes []Change
	for _, word := range words {
		change, err := ParseChange(word)
		if err != nil {
			return err
		}
		changes = append(changes, change)
	}
	changed, err := Alter(ctx, s.Client, resource, changes, dryRun)
	if err != nil {
		return err
	}
	return PrintChanges(s.Out, changed, dryRun)
}
