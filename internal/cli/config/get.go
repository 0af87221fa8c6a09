package config

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

func getCommand(p *profile.Profile) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:     "get RESOURCE [SETTING...]",
		Aliases: []string{"describe", "show"},
		Short:   "Show settings: what differs from the default, all, or the named ones",
		Long: `Show the settings of a resource. Without names: those that somebody has set, each with what would hold otherwise. The wide form adds what
a setting means.

` + resourceHelp,
		Example: `  ottla config get topic orders
  ottla config get topic orders retention.ms -o wide
  ottla config get broker 1 --all
  ottla config get cluster -o json`,
		ValidArgsFunction: settingNames(p, ""),
		RunE: func(c *cobra.Command, args []string) error {
			return run(c, p, args, func(ctx context.Context, s *profile.Session, r Resource, names []string) error {
				return get(ctx, s, r, names, all)
			})
		},
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "also settings that have their default")
	return c
}

func get(ctx context.Context, s *profile.Session, resource Resource, names []string, all bool) error {
	settings, err := Describe(ctx, s.Client, resource)
	if err != nil {
		return err
	}
	shown := []Setting{}
	for _, name := range names {
		found, ok := Find(settings, name)
		if !ok {
			return notThere(resource, name)
		}
		shown = append(shown, found)
	}
	if len(names) == 0 {
		for _, found := range settings {
			if all || !found.IsDefault() {
				shown = append(shown, found)
			}
		}
	}
	empty := "all settings have their defaults; --all shows them"
	if resource == Cluster {
		empty = "nothing is set for the whole cluster"
	}
	return s.Out.Print(shown, Sheet(shown).IfEmpty(empty))
}

// notThere is the error of a setting that the broker did not list. For the cluster it lists only what is set.
func notThere(resource Resource, name string) error {
	if resource == Cluster && slices.Contains(declared(resource.Type), name) {
		return output.NotFoundf("%s is not set for the whole cluster", name)
	}
	return output.NotFoundf("%s has no setting %s", resource, name)
}
