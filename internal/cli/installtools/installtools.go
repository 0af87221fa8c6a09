// Package installtools holds `ottla install-tools`: links to the binary under the names of Kafka's tools.
package installtools

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/kafkatools"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type options struct {
	dir    string
	binary string // what the links point to
	names  []string
	force  bool
	dryRun bool
}

// link is what became of one link.
type link struct {
	Path   string `json:"path"`
	Target string `json:"target"`
	Action string `json:"action"` // made, replaced, kept
	DryRun bool   `json:"dry_run,omitempty"`
}

// Command returns `ottla install-tools`.
func Command() *cobra.Command {
	var o options
	var format output.Format
	c := &cobra.Command{
		Use:   "install-tools DIR",
		Short: "Make links to this binary under the names of Kafka's tools",
		Long: `Make links to this binary in a directory, under the names of Kafka's tools with and without .sh, so that scripts find them. What stands there
already and is not such a link is not touched, unless you say --force; then nothing is made at all.`,
		Example: `  ottla install-tools ~/bin
  ottla install-tools /usr/local/bin --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			binary, err := os.Executable()
			if err != nil {
				return fmt.Errorf("cannot find the running binary: %w", err)
			}
			if binary, err = filepath.EvalSymlinks(binary); err != nil {
				return fmt.Errorf("cannot find the running binary: %w", err)
			}
			o.dir, o.binary, o.names = args[0], binary, toolNames()
			return install(output.New(c.OutOrStdout(), c.ErrOrStderr(), format), o)
		},
	}
	profile.BindFormat(c, &format)
	c.Flags().BoolVar(&o.force, "force", false, "replace what stands there under these names")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would be made, and change nothing")
	return c
}

// toolNames lists the names of the links.
func toolNames() []string {
	var names []string
	for _, t := range kafkatools.All() {
		names = append(names, t.Name, t.Name+".sh")
	}
	slices.Sort(names)
	return names
}

func install(out *output.Printer, o options) error {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	if !o.dryRun {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	links, err := plan(dir, o)
	if err != nil {
		return err
	}
	if !o.dryRun {
		for _, l := range links {
			if err := makeLink(l); err != nil {
				return err
			}
		}
	}
	return tell(out, dir, links, o.dryRun)
}

// plan looks at what stands there. What may not be replaced is an error before anything is made.
func plan(dir string, o options) ([]link, error) {
	links := []link{}
	var foreign []error
	for _, name := range o.names {
		l := link{Path: filepath.Join(dir, name), Target: o.binary, Action: "made", DryRun: o.dryRun}
		info, err := os.Lstat(l.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case info.IsDir():
			foreign = append(foreign, output.Refusedf("%s is a directory", l.Path))
		case pointsTo(l.Path, o.binary):
			l.Action = "kept"
		case o.force:
			l.Action = "replaced"
		default:
			foreign = append(foreign, output.Refusedf("%s is there already and is no link to %s", l.Path, o.binary).WithHint("Nothing was made. --force replaces files and links."))
		}
		links = append(links, l)
	}
	return links, output.Join(foreign)
}

// pointsTo says whether path is a symbolic link to the binary.
func pointsTo(path, binary string) bool {
	if _, err := os.Readlink(path); err != nil {
		return false
	}
	target, err := filepath.EvalSymlinks(path)
	return err == nil && target == binary
}

func makeLink(l link) error {
	if l.Action == "kept" {
		return nil
	}
	if l.Action == "replaced" {
		if err := os.Remove(l.Path); err != nil {
			return err
		}
	}
	return os.Symlink(l.Target, l.Path)
}

func tell(out *output.Printer, dir string, links []link, dryRun bool) error {
	sheet := output.NewSheet(output.Left("LINK"), output.Left(""))
	made := 0
	for _, l := range links {
		sheet.Row(l.Path, l.Action)
		if l.Action != "kept" {
			made++
		}
	}
	if err := out.Print(links, sheet); err != nil {
		return err
	}
	if dryRun {
		out.Say("dry run, nothing was changed")
		return nil
	}
	if len(links) > 0 {
		out.Say("%s made, %d kept, to %s", output.Plural(made, "link"), len(links)-made, links[0].Target)
	}
	if !slices.Contains(filepath.SplitList(os.Getenv("PATH")), dir) {
		out.Say("%s is not in PATH", dir)
	}
	return nil
}
