package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table prints the rows: each side's median with the smallest and the largest value, and the ratios of the first side to the others.
func Table(out io.Writer, rows []Row, sides []string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := []string{"load", "measure"}
	head = append(head, sides...)
	for _, side := range sides[1:] {
		head = append(head, sides[0]+"/"+side)
	}
	fmt.Fprintln(w, strings.Join(head, "\t"))
	last := ""
	for _, row := range rows {
		line := []string{row.Load, row.Measure}
		if row.Load == last {
			line[0] = ""
		}
		last = row.Load
		for _, side := range sides {
			line = append(line, row.Sides[side].String())
		}
		for _, side := range sides[1:] {
			if r, ok := row.Ratios[side]; ok {
				line = append(line, fmt.Sprintf("%.2f×", r))
			} else {
				line = append(line, "")
			}
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(line, "\t"), "\t"))
	}
	return w.Flush()
}

// String is the median with the spread, or a dash.
func (c Cell) String() string {
	switch c.Samples {
	case 0:
		return "-"
	case 1:
		return number(c.Median)
	}
	return fmt.Sprintf("%s (%s..%s)", number(c.Median), number(c.Min), number(c.Max))
}

// number has three digits that count.
func number(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
