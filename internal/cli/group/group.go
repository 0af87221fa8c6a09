// Package group holds `ottla group`: one file per verb.
package group

import (
	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/profile"
)

// Command returns `ottla group`.
func Command() *cobra.Command {
	c := profile.Noun(&cobra.Command{
		Use:     "group",
		Aliases: []string{"groups"},
		Short:   "List and describe consumer groups, watch their lag, move their offsets, delete them",
		Example: `  ottla group list
  ottla group describe billing
  ottla group lag billing --watch 2s
  ottla group reset billing --to start`,
	})
	p := profile.Bind(c)
	c.AddCommand(listCommand(p), describeCommand(p), lagCommand(p), resetCommand(p), deleteCommand(p))
	return c
}
