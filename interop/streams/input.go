package streams

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Sizes of the input. Few teams and words get many updates each, so that a lost or doubled one shows in a count.
const (
	linesTotal   = 2400
	wordsPerLine = 5
	vocabulary   = 60
	teams        = 8
	usersPerTeam = 5
)

// line is one input record; its key names the user, whose team is in front of the dot.
type line struct{ user, text string }

func (l line) team() string {
	team, _, _ := strings.Cut(l.user, ".")
	return team
}

// makeLines gives the input of a seed.
func makeLines(random *rand.Rand, count int) []line {
	lines := make([]line, count)
	for i := range lines {
		words := make([]string, wordsPerLine)
		for w := range words {
			words[w] = fmt.Sprintf("w%02d", random.IntN(vocabulary))
		}
		lines[i] = line{fmt.Sprintf("team%d.user%d", random.IntN(teams), random.IntN(usersPerTeam)), strings.Join(words, " ")}
		lines[i].text += strings.Repeat("x", random.IntN(9)) // lines of one team differ in length
	}
	return lines
}

// want is what the application makes of an input: for every key the last value, and how many updates lead to it.
type want struct {
	counts map[string]int64 // by word; each update adds one
	sums   map[string]int64 // by team
	lines  map[string]int64 // of each team: the number of updates of its sum
}

func expect(lines []line) want {
	w := want{map[string]int64{}, map[string]int64{}, map[string]int64{}}
	for _, l := range lines {
		for word := range strings.SplitSeq(l.text, " ") {
			w.counts[word]++
		}
		w.sums[l.team()] += int64(len(l.text))
		w.lines[l.team()]++
	}
	return w
}

// countUpdates and sumUpdates are how many records the two output topics get.
func (w want) countUpdates() (n int64) {
	for _, count := range w.counts {
		n += count
	}
	return n
}

func (w want) sumUpdates() (n int64) {
	for _, count := range w.lines {
		n += count
	}
	return n
}
