package brokercmd

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/config"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// description is all about one broker.
type description struct {
	broker
	Cluster  string           `json:"cluster"`
	LogDirs  []logDir         `json:"log_dirs"`
	Features []feature        `json:"features"`
	Settings []config.Setting `json:"settings"` // those that somebody has set
}

// feature is a feature of the cluster with its finalized level and what the broker supports.
type feature struct {
	Name  string `json:"name"`
	Level int16  `json:"level"`
	Min   int16  `json:"min"`
	Max   int16  `json:"max"`
}

func describeCommand(p *profile.Profile) *cobra.Command {
	return &cobra.Command{
		Use:     "describe [ID...]",
		Aliases: []string{"show", "info"},
		Short:   "Show brokers: what they hold, log directories, feature levels, settings that were changed",
		Example: `  ottla broker describe 1
  ottla broker describe -o json`,
		ValidArgsFunction: completeIDs(p),
		RunE: func(c *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return describe(ctx, s, ids) })
		},
	}
}

func describe(ctx context.Context, s *profile.Session, ids []int32) error {
	m, brokers, err := lookup(ctx, s.Admin, ids)
	if err != nil {
		return err
	}
	versions, err := s.Admin.ApiVersions(ctx)
	if err != nil {
		return err
	}
	descriptions := []description{}
	var sheets []*output.Sheet
	for _, b := range summarize(ctx, s.Admin, m, brokers) {
		d := description{broker: b, Cluster: m.Cluster, Settings: []config.Setting{}}
		if d.LogDirs, err = logDirs(ctx, s.Admin, kadm.BrokerDetails{{NodeID: b.ID}}); err != nil {
			return err
		}
		d.Features = features(versions[b.ID])
		settings, err := config.Describe(ctx, s.Client, config.Broker(strconv.Itoa(int(b.ID))))
		if err != nil {
			return err
		}
		for _, setting := range settings {
			if !setting.IsDefault() {
				d.Settings = append(d.Settings, setting)
			}
		}
		descriptions = append(descriptions, d)
		sheets = append(sheets, d.sheets()...)
	}
	return s.Out.Print(descriptions, sheets...)
}

// features reads the features that a broker tells with its API versions.
func features(v kadm.BrokerApiVersions) []feature {
	list := []feature{}
	raw := v.Raw()
	if raw == nil {
		return list
	}
	for _, supported := range raw.SupportedFeatures {
		f := feature{Name: supported.Name, Min: supported.MinVersion, Max: supported.MaxVersion}
		for _, finalized := range raw.FinalizedFeatures {
			if finalized.Name == supported.Name {
				f.Level = finalized.MaxVersionLevel
			}
		}
		list = append(list, f)
	}
	return list
}

func (d description) sheets() []*output.Sheet {
	controller := "no"
	if d.Controller {
		controller = "yes"
	}
	facts := output.Facts("broker", d.ID, "address", fmt.Sprintf("%s:%d", d.Host, d.Port), "rack", cmp.Or(d.Rack, "-"), "cluster", d.Cluster, "controller", controller,
		"leads", output.Plural(d.Leads, "partition"), "holds", output.Plural(d.Replicas, "partition"), "out of sync", output.Plural(d.OutOfSync, "partition"))
	levels := output.NewSheet(output.Left("FEATURE"), output.Right("LEVEL"), output.Right("MIN"), output.Right("MAX")).IfEmpty("no features")
	for _, f := range d.Features {
		levels.Row(f.Name, f.Level, f.Min, f.Max)
	}
	return []*output.Sheet{facts, logDirSheet(d.LogDirs), levels, config.Sheet(d.Settings).IfEmpty("all settings have their defaults")}
}
