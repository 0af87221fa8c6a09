// Package output is how the commands for people speak: tables for eyes, JSON and YAML for programs, errors with a stable exit code, and sizes and
// times that can be read at a glance.
package output

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
	"sigs.k8s.io/yaml"
)

// Format is a form of output. It is a flag's value.
type Format string

// The forms of output.
const (
	Table Format = "table"
	Wide  Format = "wide" // the table with all its columns
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// Formats lists every form of output.
var Formats = []Format{Table, Wide, JSON, YAML}

// String gives the form's name.
func (f *Format) String() string { return string(*f) }

// Type names the value in a command's help.
func (f *Format) Type() string { return "table|wide|json|yaml" }

// Set takes the form from a flag.
func (f *Format) Set(s string) error {
	if !slices.Contains(Formats, Format(s)) {
		return fmt.Errorf("allowed are table, wide, json and yaml")
	}
	*f = Format(s)
	return nil
}

// Printer writes results in the form that was asked for.
type Printer struct {
	Out    io.Writer
	Err    io.Writer
	Format Format
	// Terminal says that a person looks at Out: headings are bold. Nothing is coloured otherwise.
	Terminal bool
}

// New returns a printer; it finds out by itself whether out is a terminal.
func New(out, errOut io.Writer, format Format) *Printer {
	if format == "" {
		format = Table
	}
	return &Printer{Out: out, Err: errOut, Format: format, Terminal: IsTerminal(out)}
}

// IsTerminal says whether a reader or writer is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Structured says that a program reads the output.
func (p *Printer) Structured() bool { return p.Format == JSON || p.Format == YAML }

// Wide says that a person asked for all columns.
func (p *Printer) Wide() bool { return p.Format == Wide }

// Print writes a result: the value for programs, the tables for people.
func (p *Printer) Print(value any, tables ...*Sheet) error {
	w := bufio.NewWriter(p.Out)
	var err error
	if p.Structured() {
		err = encode(w, p.Format, value)
	} else {
		for i, t := range tables {
			if i > 0 {
				fmt.Fprintln(w)
			}
			t.write(w, p.Wide(), p.Terminal && colours())
		}
	}
	if err != nil {
		return err
	}
	return w.Flush()
}

// Say tells people something that is not the result, such as a hint; programs are spared. It goes to standard error.
func (p *Printer) Say(format string, args ...any) {
	if !p.Structured() {
		fmt.Fprintf(p.Err, format+"\n", args...)
	}
}

func encode(w io.Writer, f Format, value any) error {
	if f == YAML {
		text, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// colours says whether the environment lets us style text on a terminal.
func colours() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

// Style makes text stand out on a terminal and leaves it alone elsewhere.
func (p *Printer) Style(code, text string) string {
	if !p.Terminal || !colours() {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Codes for Style.
const (
	Bold = "1"
	Dim  = "2"
)

// Clean makes text from elsewhere safe to show: control characters could move the cursor or hide what stands there.
func Clean(text string) string {
	if strings.IndexFunc(text, isControl) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isControl(r) {
			fmt.Fprintf(&b, "\\x%02x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }
