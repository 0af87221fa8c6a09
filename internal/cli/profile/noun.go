package profile

import (
	"strings"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
)

// Noun makes a command that only holds others. Alone it shows its help; with a verb that it does not have, it is wrong usage.
func Noun(c *cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs
	c.SuggestionsMinimumDistance = 2
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		e := output.Usagef("%s has no command %s", c.CommandPath(), args[0])
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return e.WithHint("Did you mean %s?", strings.Join(near, " or "))
		}
		return e.WithHint("`%s --help` lists them.", c.CommandPath())
	}
	return c
}
