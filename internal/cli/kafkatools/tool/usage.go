package tool

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	usageWidth       = 100 // columns of the whole help
	usageOptionWidth = 42  // columns of its left part
)

// PrintUsage writes the options, sorted by name, in two columns.
func (p *Parser) PrintUsage(w io.Writer) {
	sorted := slices.Clone(p.options)
	slices.SortFunc(sorted, func(a, b *Option) int { return strings.Compare(a.names[0], b.names[0]) })
	fmt.Fprintf(w, "%-*s%s\n%-*s%s\n", usageOptionWidth, "Option", "Description", usageOptionWidth, "------", "-----------")
	for _, o := range sorted {
		left := wrap(o.usageHead(), usageOptionWidth-2, "  ")
		right := wrap(o.usageDoc(), usageWidth-usageOptionWidth, "  ")
		for i := range max(len(left), len(right)) {
			line := fmt.Sprintf("%-*s%s", usageOptionWidth, at(left, i), at(right, i))
			fmt.Fprintln(w, strings.TrimRight(line, " "))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func (o *Option) usageHead() string {
	var names []string
	for _, n := range o.names {
		if len(n) == 1 {
			names = append(names, "-"+n)
		} else {
			names = append(names, "--"+n)
		}
	}
	head := strings.Join(names, ", ")
	if o.argument == noArgument {
		return head
	}
	arg := kindNames[o.kind]
	if o.argName != "" {
		arg += ": " + o.argName
	}
	if o.argument == optionalArgument {
		return head + " [" + arg + "]"
	}
	return head + " <" + arg + ">"
}

func (o *Option) usageDoc() string {
	if o.hasDef && len(o.def) > 0 && o.def[0] != "" {
		return o.doc + " (default: " + strings.Join(o.def, ", ") + ")"
	}
	return o.doc
}

// wrap breaks a text at blanks so that no line is longer than width, if words allow; later lines start with indent.
func wrap(text string, width int, indent string) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = indent + word
		}
	}
	return append(lines, line)
}
