package brokercmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// api is one API that a broker serves.
type api struct {
	Broker int32  `json:"broker"`
	Key    int16  `json:"key"`
	Name   string `json:"name"`
	Min    int16  `json:"min"`
	Max    int16  `json:"max"`
}

func apiVersionsCommand(p *profile.Profile) *cobra.Command {
	return &cobra.Command{
		Use:     "api-versions [ID...]",
		Aliases: []string{"apis"},
		Short:   "Show the APIs that brokers serve, with their versions",
		Example: `  ottla broker api-versions
  ottla broker api-versions 1 -o json`,
		ValidArgsFunction: completeIDs(p),
		RunE: func(c *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return showAPIs(ctx, s, ids) })
		},
	}
}

func showAPIs(ctx context.Context, s *profile.Session, ids []int32) error {
	_, brokers, err := lookup(ctx, s.Admin, ids)
	if err != nil {
		return err
	}
	versions, err := s.Admin.ApiVersions(ctx)
	if err != nil {
		return err
	}
	sheet := output.NewSheet(output.Right("BROKER"), output.Right("KEY"), output.Left("API"), output.Right("MIN"), output.Right("MAX"))
	list := []api{}
	for _, b := range brokers {
		v := versions[b.NodeID]
		if v.Err != nil {
			return output.About(fmt.Sprintf("broker %d", b.NodeID), v.Err, "")
		}
		v.EachKeySorted(func(key, minVersion, maxVersion int16) {
			name := kmsg.NameForKey(key)
			list = append(list, api{Broker: b.NodeID, Key: key, Name: name, Min: minVersion, Max: maxVersion})
			sheet.Row(b.NodeID, key, name, minVersion, maxVersion)
		})
	}
	return s.Out.Print(list, sheet)
}
