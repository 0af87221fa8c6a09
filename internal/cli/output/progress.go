package output

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progressEvery is how often a progress bar is drawn anew.
const progressEvery = 100 * time.Millisecond

// Progress is a bar on a terminal that shows how far something long has come. Elsewhere it shows nothing. It is for one goroutine.
type Progress struct {
	out     io.Writer // nil: nothing is shown
	width   int
	total   int64
	now     func() time.Time
	started time.Time
	drawn   time.Time
}

// Progress starts a bar for so many steps, on standard error if that is a terminal.
func (p *Printer) Progress(total int64) *Progress {
	b := &Progress{total: total, now: time.Now}
	b.started = b.now()
	if f, ok := p.Err.(*os.File); ok && IsTerminal(f) && colours() {
		b.out, b.width = f, 80
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			b.width = width
		}
	}
	return b
}

// At shows how many steps are done; note stands behind the bar.
func (b *Progress) At(done int64, note string) {
	now := b.now()
	if b.out == nil || now.Sub(b.drawn) < progressEvery {
		return
	}
	b.drawn = now
	fmt.Fprintf(b.out, "\r\x1b[K%s", b.line(done, note, now.Sub(b.started)))
}

// End takes the bar away.
func (b *Progress) End() {
	if b.out != nil && !b.drawn.IsZero() {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}

// line is the bar as wide as the terminal allows.
func (b *Progress) line(done int64, note string, took time.Duration) string {
	part := 1.0
	if b.total > 0 {
		part = min(float64(done)/float64(b.total), 1)
	}
	text := fmt.Sprintf(" %3.0f%%  %s", part*100, note)
	if part > 0 && part < 1 && took > time.Second {
		left := time.Duration(float64(took) * (1 - part) / part)
		text += fmt.Sprintf("  %s left", Duration(left.Truncate(time.Second)))
	}
	cells := b.width - len(text) - 3
	if cells < 5 {
		return strings.TrimSpace(text)
	}
	full := int(part * float64(cells))
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", cells-full) + "]" + text
}
