package brokercmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// logDir is one log directory of a broker.
type logDir struct {
	Broker      int32  `json:"broker"`
	Dir         string `json:"dir"`
	Partitions  int    `json:"partitions"`
	SizeBytes   int64  `json:"size_bytes"`
	TotalBytes  int64  `json:"total_bytes"`  // of the volume; -1: not known
	UsableBytes int64  `json:"usable_bytes"` // of the volume; -1: not known
	Error       string `json:"error,omitempty"`
}

func logDirsCommand(p *profile.Profile) *cobra.Command {
	return &cobra.Command{
		Use:     "log-dirs [ID...]",
		Aliases: []string{"logdirs", "disks"},
		Short:   "Show the log directories of brokers, their size and the free space",
		Example: `  ottla broker log-dirs
  ottla broker log-dirs 1 -o json`,
		ValidArgsFunction: completeIDs(p),
		RunE: func(c *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return showLogDirs(ctx, s, ids) })
		},
	}
}

func showLogDirs(ctx context.Context, s *profile.Session, ids []int32) error {
	_, brokers, err := lookup(ctx, s.Admin, ids)
	if err != nil {
		return err
	}
	dirs, err := logDirs(ctx, s.Admin, brokers)
	if err != nil {
		return err
	}
	return s.Out.Print(dirs, logDirSheet(dirs))
}

func logDirs(ctx context.Context, admin *kadm.Client, brokers kadm.BrokerDetails) ([]logDir, error) {
	list := []logDir{}
	for _, b := range brokers {
		found, err := admin.DescribeBrokerLogDirs(ctx, b.NodeID, nil)
		if err != nil {
			return nil, output.About(fmt.Sprintf("broker %d", b.NodeID), err, "")
		}
		for _, d := range found {
			one := logDir{Broker: b.NodeID, Dir: d.Dir, SizeBytes: d.Size(), TotalBytes: d.TotalBytes, UsableBytes: d.UsableBytes}
			for _, partitions := range d.Topics {
				one.Partitions += len(partitions)
			}
			if d.Err != nil {
				one.Error = output.Classify(d.Err).Message
			}
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b logDir) int { return cmp.Or(cmp.Compare(a.Broker, b.Broker), cmp.Compare(a.Dir, b.Dir)) })
	return list, nil
}

func logDirSheet(dirs []logDir) *output.Sheet {
	sheet := output.NewSheet(output.Right("BROKER"), output.Left("DIRECTORY"), output.Right("PARTITIONS"), output.Right("SIZE"), output.Right("USABLE"), output.Right("VOLUME"), output.Left("STATE"))
	for _, d := range dirs {
		sheet.Row(d.Broker, d.Dir, d.Partitions, output.Bytes(d.SizeBytes), output.Bytes(d.UsableBytes), output.Bytes(d.TotalBytes), cmp.Or(d.Error, "online"))
	}
	return sheet
}
