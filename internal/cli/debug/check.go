package debug

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/storage"
	"ottla.dev/ottla/internal/vfs"
)

// report is what a check of one directory found.
type report struct {
	Dir      string    `json:"dir"`
	Sound    bool      `json:"sound"`
	Problems []problem `json:"problems"`
}

type problem struct {
	Path     string `json:"path"`
	Position int64  `json:"position"` // byte; -1: of the whole file
	Message  string `json:"message"`
}

func checkCommand(format *output.Format) *cobra.Command {
	return &cobra.Command{
		Use:   "check DIR...",
		Short: "Prove data directories sound, or say what is wrong and where",
		Long: `Read data directories (log.dirs) and check every batch, index, checkpoint and snapshot. Nothing is changed. The node must not run: what is
being written looks torn. The exit code is 1 if anything is wrong.`,
		Example: `  ottla debug log check ./ottla-data
  ottla debug log check /disk1/kafka /disk2/kafka -o json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return check(vfs.OS, args, output.New(c.OutOrStdout(), c.ErrOrStderr(), *format))
		},
	}
}

func check(fsys vfs.FS, dirs []string, out *output.Printer) error {
	reports := []report{}
	var unsound []string
	total := 0
	for _, dir := range dirs {
		found, err := storage.CheckDir(fsys, dir)
		if errors.Is(err, fs.ErrNotExist) && len(found) == 0 {
			return output.NotFoundf("%s: no such directory", dir)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		r := report{Dir: dir, Sound: len(found) == 0, Problems: []problem{}}
		for _, p := range found {
			r.Problems = append(r.Problems, problem{Path: p.Path, Position: p.Position, Message: p.Message})
		}
		if !r.Sound {
			unsound = append(unsound, dir)
			total += len(found)
		}
		reports = append(reports, r)
	}
	if err := printReports(out, reports); err != nil {
		return err
	}
	if len(unsound) > 0 {
		return &output.Error{Exit: output.Failed, Code: "UNSOUND", Message: fmt.Sprintf("%s in %s", output.Plural(total, "problem"), strings.Join(unsound, ", "))}
	}
	return nil
}

func printReports(out *output.Printer, reports []report) error {
	if out.Structured() {
		return out.Print(reports)
	}
	for _, r := range reports {
		if r.Sound {
			fmt.Fprintf(out.Out, "%s is sound\n", output.Clean(r.Dir))
		}
		for _, p := range r.Problems {
			fmt.Fprintln(out.Out, output.Clean(storage.Problem(p).String()))
		}
	}
	return nil
}
