package dumplog

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// problems collects what the checks find, per file, in the order of the files.
type problems struct {
	indexMismatches, timestampMismatches, disorder, missing, gaps perFile
}

// numbers is one finding: two numbers whose meaning the kind of problem tells.
type numbers struct{ a, b int64 }

type perFile struct {
	files []string
	found map[string][]numbers
}

func (p *perFile) add(file string, a, b int64) {
	file = absolute(file)
	if p.found == nil {
		p.found = map[string][]numbers{}
	}
	if _, ok := p.found[file]; !ok {
		p.files = append(p.files, file)
	}
	p.found[file] = append(p.found[file], numbers{a, b})
}

func (p *perFile) print(w io.Writer, title, line string) {
	for _, file := range p.files {
		fmt.Fprintf(w, title, file)
		for _, n := range p.found[file] {
			fmt.Fprintf(w, line, n.a, n.b)
		}
	}
}

func (p *problems) mismatch(file string, indexOffset, logOffset int64) {
	p.indexMismatches.add(file, indexOffset, logOffset)
}

func (p *problems) timestampMismatch(file string, indexTimestamp, logTimestamp int64) {
	p.timestampMismatches.add(file, indexTimestamp, logTimestamp)
}

func (p *problems) outOfOrder(file string, timestamp, previous int64) {
	p.disorder.add(file, timestamp, previous)
}

func (p *problems) notFound(file string, indexOffset, logOffset int64) {
	p.missing.add(file, indexOffset, logOffset)
}

// follow notes where an offset is not one more than that before it. A segment that does not begin at offset 0 has one
// such place at its start, which Apache's tool reports too.
func (p *problems) follow(file string, last *int64, offset int64) {
	if offset != *last+1 {
		p.gaps.add(file, *last, offset)
	}
	*last = offset
}

// print writes all findings. Mismatches of an index come with the largest offset first.
func (p *problems) print(w io.Writer) {
	for _, found := range p.indexMismatches.found {
		slices.SortStableFunc(found, func(x, y numbers) int { return cmp.Compare(y.a, x.a) })
	}
	p.indexMismatches.print(w, "Mismatches in :%s\n", "  Index offset: %d, log offset: %d\n")
	p.timestampMismatches.print(w, "Found timestamp mismatch in :%s\n", "  Index timestamp: %d, log timestamp: %d\n")
	p.disorder.print(w, "Found out of order timestamp in :%s\n", "  Index timestamp: %d, Previously indexed timestamp: %d\n")
	p.missing.print(w, "The following indexed offsets are not found in :%s\n", "Indexed offset: %d, found log offset: %d\n")
	p.gaps.print(w, "Non-consecutive offsets in %s\n", "  %d is followed by %d\n")
}
