// Package consume holds `ottla consume`.
package consume

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/position"
	"ottla.dev/ottla/internal/cli/profile"
	"ottla.dev/ottla/internal/cli/recordtext"
)

type options struct {
	topics        []string
	from          position.Flag
	until         position.Flag
	max           int64
	partitions    []int32
	group         string
	noCommit      bool
	format        string
	wait          time.Duration
	readCommitted bool
	formGiven     bool // --output was given
}

// Command returns `ottla consume`.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "consume TOPIC...",
		Short: "Read records of topics, and follow what arrives",
		Long: `Read records and follow what arrives, until you interrupt it or until --max, --until or --wait ends it.

--from and --until take ` + position.Help + `.
With --group the group's committed offsets are where reading starts, and what was shown is committed; --from counts for partitions without one.

A terminal shows a line per record; elsewhere the values come, a line each. --format says otherwise, and adds nothing by itself, not even a line end:
` + recordtext.Verbs + `
-o json writes an object per line, which ` + "`ottla produce --format json`" + ` takes back.`,
		Example: `  ottla consume orders --from start --max 10
  ottla consume orders --from -2h --until end -o json
  ottla consume orders --from -5 --format '%p:%o %D %k = %v\n'
  ottla consume orders --group billing --from start
  ottla consume orders --from start --max 1 --wait 5s || echo nothing came`,
		Args: cobra.MinimumNArgs(1),
	}
	p := profile.Bind(c)
	c.ValidArgsFunction = p.Topics(0)
	c.RunE = func(c *cobra.Command, args []string) error {
		o.topics, o.formGiven = args, c.Flags().Changed("output")
		return p.Stream(c, func(ctx context.Context, s *profile.Session) error { return run(ctx, s, o) })
	}
	f := c.Flags()
	f.Var(&o.from, "from", "where to start; the end if not said")
	f.Var(&o.until, "until", "stop before this position, as it is when the command starts")
	f.Int64VarP(&o.max, "max", "n", 0, "stop after this many records (0: no limit)")
	f.Int32SliceVarP(&o.partitions, "partition", "p", nil, "only these partitions; may be repeated")
	f.StringVarP(&o.group, "group", "g", "", "read as a member of this group")
	f.BoolVar(&o.noCommit, "no-commit", false, "with --group: do not commit what was shown")
	f.StringVarP(&o.format, "format", "f", "", "how to write a record")
	f.DurationVar(&o.wait, "wait", 0, "stop with exit code 4 when no record arrives for this long (0: wait on)")
	f.BoolVar(&o.readCommitted, "read-committed", false, "leave out records of transactions that are open or were aborted")
	profile.CompleteFlag(c, "group", p.Groups(0))
	return c
}

func (o options) check() error {
	switch {
	case o.max < 0:
		return output.Usagef("--max %d is negative", o.max)
	case o.wait < 0:
		return output.Usagef("--wait %s is negative", o.wait)
	case o.group != "" && o.until.IsSet():
		return output.Usagef("--until does not go with --group: the group decides which partitions come here")
	case o.group != "" && len(o.partitions) > 0:
		return output.Usagef("--partition does not go with --group: the group decides which partitions come here")
	case o.group == "" && o.noCommit:
		return output.Usagef("--no-commit goes with --group")
	case o.format != "" && o.formGiven:
		return output.Usagef("--format and --output exclude each other")
	}
	return nil
}
