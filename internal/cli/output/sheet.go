package output

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Column is one column of a table.
type Column struct {
	Name  string
	Right bool // numbers stand right
	Wide  bool // only in the wide form
}

// Left is a column of text.
func Left(name string) Column { return Column{Name: name} }

// Right is a column of numbers.
func Right(name string) Column { return Column{Name: name, Right: true} }

// InWide makes a column one of the wide form only.
func (c Column) InWide() Column { c.Wide = true; return c }

// Sheet is a table for people.
type Sheet struct {
	Title   string
	Columns []Column
	// Empty is what to say instead of a table without rows.
	Empty string
	rows  [][]string
}

// NewSheet returns an empty table.
func NewSheet(columns ...Column) *Sheet { return &Sheet{Columns: columns} }

// Titled gives the table a heading.
func (s *Sheet) Titled(title string) *Sheet { s.Title = title; return s }

// IfEmpty says what stands in place of a table without rows.
func (s *Sheet) IfEmpty(text string) *Sheet { s.Empty = text; return s }

// Row adds a row: one value per column, in any type that prints well.
func (s *Sheet) Row(values ...any) {
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = Clean(fmt.Sprint(v))
	}
	s.rows = append(s.rows, row)
}

// Facts is a table of names and values, without headings.
func Facts(namesAndValues ...any) *Sheet {
	s := NewSheet(Left(""), Left(""))
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		s.Row(namesAndValues[i], namesAndValues[i+1])
	}
	return s
}

func (s *Sheet) write(w io.Writer, wide, styled bool) {
	if s.Title != "" {
		fmt.Fprintln(w, bold(s.Title, styled))
	}
	if len(s.rows) == 0 && s.Empty != "" {
		fmt.Fprintln(w, s.Empty)
		return
	}
	widths, headed := s.widths()
	if headed {
		names := make([]string, len(s.Columns))
		for i, c := range s.Columns {
			names[i] = c.Name
		}
		fmt.Fprintln(w, bold(s.line(names, widths, wide), styled))
	}
	for _, row := range s.rows {
		fmt.Fprintln(w, s.line(row, widths, wide))
	}
}

func (s *Sheet) widths() (widths []int, headed bool) {
	widths = make([]int, len(s.Columns))
	for i, c := range s.Columns {
		widths[i] = runewidth.StringWidth(c.Name)
		headed = headed || c.Name != ""
		for _, row := range s.rows {
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
	}
	return widths, headed
}

func (s *Sheet) line(cells []string, widths []int, wide bool) string {
	var b strings.Builder
	for i, cell := range cells {
		if s.Columns[i].Wide && !wide {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("  ")
		}
		pad := strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell))
		if s.Columns[i].Right {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func bold(text string, styled bool) string {
	if !styled {
		return text
	}
	return "\x1b[" + Bold + "m" + text + "\x1b[0m"
}
