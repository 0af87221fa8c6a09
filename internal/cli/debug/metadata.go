package debug

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
	"ottla.dev/ottla/internal/config/storageformat"
	"ottla.dev/ottla/internal/node"
)

func metadataCommand(format *output.Format) *cobra.Command {
	c := profile.Noun(&cobra.Command{
		Use:     "metadata",
		Short:   "Give the metadata of a node that does not run to Apache Kafka",
		Example: "  ottla debug metadata export ./ottla-data",
	})
	c.AddCommand(exportCommand(format))
	return c
}

// exporting is what the flags of the export say.
type exporting struct {
	metadataDir string
	controller  string
	listener    string
	dryRun      bool
}

func exportCommand(format *output.Format) *cobra.Command {
	var e exporting
	c := &cobra.Command{
		Use:   "export DIR...",
		Short: "Write the metadata so that Apache Kafka 4.3 starts on the data directories",
		Long: `Write what the node knows of its topics, configs, features and producer ids as a snapshot of Apache Kafka's metadata log
(__cluster_metadata-0), and move Ottla's own metadata into that directory. DIR are all of log.dirs. The node must not run.

From then on the metadata is Apache Kafka's. When Ottla starts on the directories again, it takes the metadata over from there.

Records, committed offsets and transactions need no export: their files are Kafka's own.`,
		Example: `  ottla debug metadata export ./ottla-data
  ottla debug metadata export /disk1/kafka /disk2/kafka --metadata-dir /disk0/kafka
  ottla debug metadata export ./ottla-data --controller 127.0.0.1:9093 --dry-run`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return e.export(c.Context(), args, output.New(c.OutOrStdout(), c.ErrOrStderr(), *format))
		},
	}
	c.Flags().StringVar(&e.metadataDir, "metadata-dir", "", "metadata.log.dir, where it is set; else the first DIR has the metadata")
	c.Flags().StringVar(&e.controller, "controller", "", "host:port of the controller's listener, for an Apache Kafka without controller.quorum.voters")
	c.Flags().StringVar(&e.listener, "controller-listener", "CONTROLLER", "name of the controller's listener")
	c.Flags().BoolVar(&e.dryRun, "dry-run", false, "say what would be written, and change nothing")
	return c
}

func (e *exporting) export(ctx context.Context, dirs []string, out *output.Printer) error {
	o := node.ExportOptions{LogDirs: dirs, MetadataDir: e.metadataDir, DryRun: e.dryRun, Now: time.Now(), Logger: slog.New(slog.NewTextHandler(out.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if e.controller != "" {
		voter, err := e.voter()
		if err != nil {
			return err
		}
		o.Controller = voter
	}
	done, err := node.ExportMetadata(ctx, o)
	if errors.Is(err, fs.ErrNotExist) {
		return output.NotFoundf("%v", err)
	}
	if err != nil {
		return err
	}
	if out.Structured() {
		return out.Print(done)
	}
	if done.DryRun {
		fmt.Fprintf(out.Out, "would write %s, %s, to %s\n", output.Plural(done.Topics, "topic"), output.Plural(done.Partitions, "partition"), output.Clean(done.Snapshot))
		return nil
	}
	fmt.Fprintf(out.Out, "wrote %s, %s, to %s\n", output.Plural(done.Topics, "topic"), output.Plural(done.Partitions, "partition"), output.Clean(done.Snapshot))
	fmt.Fprintf(out.Out, "Ottla's own metadata lies in %s\n", output.Clean(done.Kept))
	quorum := "controller.quorum.bootstrap.servers"
	if done.StaticVoters {
		quorum = "controller.quorum.voters"
	}
	fmt.Fprintf(out.Out, "start Apache Kafka with process.roles=broker,controller, node.id=%d, these log.dirs and %s\n", done.NodeID, quorum)
	return nil
}

// voter is the controller's listener.
func (e *exporting) voter() (*storageformat.Voter, error) {
	host, port, err := net.SplitHostPort(e.controller)
	if err != nil {
		return nil, output.Usagef("--controller %s: %v", e.controller, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return nil, output.Usagef("--controller %s: the port is no number from 1 to 65535", e.controller)
	}
	return &storageformat.Voter{Listener: e.listener, Host: host, Port: uint16(number)}, nil
}
