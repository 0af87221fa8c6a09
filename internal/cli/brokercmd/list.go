package brokercmd

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

func listCommand(p *profile.Profile) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List brokers",
		Long:    "List the brokers of the cluster. The wide form adds what each leads and holds.",
		Example: `  ottla broker list
  ottla broker list -o wide`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return p.Run(c, list) },
	}
}

func list(ctx context.Context, s *profile.Session) error {
	m, brokers, err := lookup(ctx, s.Admin, nil)
	if err != nil {
		return err
	}
	sheet := output.NewSheet(output.Right("ID"), output.Left("HOST"), output.Right("PORT"), output.Left("RACK"), output.Left("CONTROLLER"),
		output.Right("LEADS").InWide(), output.Right("HOLDS").InWide(), output.Right("OUT OF SYNC").InWide(), output.Right("SIZE").InWide())
	found := summarize(ctx, s.Admin, m, brokers)
	for _, b := range found {
		controller := ""
		if b.Controller {
			controller = "yes"
		}
		sheet.Row(b.ID, b.Host, b.Port, cmp.Or(b.Rack, "-"), controller, b.Leads, b.Replicas, b.OutOfSync, output.Bytes(b.SizeBytes))
	}
	return s.Out.Print(found, sheet)
}
