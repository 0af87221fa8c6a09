// Package debug holds `ottla debug`: what looks under the hood of a node.
package debug

import (
	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// Command returns `ottla debug`.
func Command() *cobra.Command {
	c := profile.Noun(&cobra.Command{
		Use:     "debug",
		Short:   "Look under the hood: check data directories, give them to Apache Kafka",
		Example: "  ottla debug log check ./ottla-data\n  ottla debug metadata export ./ottla-data",
	})
	var format output.Format
	profile.BindFormat(c, &format)
	log := profile.Noun(&cobra.Command{
		Use:     "log",
		Short:   "Check the logs of a node that does not run",
		Example: "  ottla debug log check ./ottla-data",
	})
	log.AddCommand(checkCommand(&format))
	c.AddCommand(log, metadataCommand(&format))
	return c
}
