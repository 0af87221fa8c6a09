package streams

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// updates are the values of a topic by key, in the order of the partition that the key has.
type updates map[string][]int64

func (u updates) total() (n int64) {
	for _, values := range u {
		n += int64(len(values))
	}
	return n
}

// last is what each key ends with.
func (u updates) last() map[string]int64 {
	last := map[string]int64{}
	for key, values := range u {
		last[key] = values[len(values)-1]
	}
	return last
}

// verifyCounts demands that the updates of every word are 1, 2, 3 and so on to its count: a lost one leaves a gap, one that was
// written twice or out of an aborted transaction repeats a number.
func verifyCounts(got updates, w want) []string {
	var wrong []string
	for word, values := range got {
		for i, value := range values {
			if value != int64(i+1) {
				wrong = append(wrong, fmt.Sprintf("update %d of %s is %d", i+1, word, value))
				break
			}
		}
	}
	return append(wrong, differences(got.last(), w.counts)...)
}

// verifySums demands an update for every line of a team, each larger than the one before, and the right one at the end.
func verifySums(got updates, w want) []string {
	var wrong []string
	numbers := map[string]int64{}
	for team, values := range got {
		numbers[team] = int64(len(values))
		for i := 1; i < len(values); i++ {
			if values[i] <= values[i-1] {
				wrong = append(wrong, fmt.Sprintf("update %d of %s is %d after %d", i+1, team, values[i], values[i-1]))
				break
			}
		}
	}
	for _, difference := range differences(numbers, w.lines) {
		wrong = append(wrong, "updates: "+difference)
	}
	return append(wrong, differences(got.last(), w.sums)...)
}

// differences lists the keys whose value is not the wanted one.
func differences(got, want map[string]int64) []string {
	var wrong []string
	keys := maps.Clone(got)
	maps.Copy(keys, want)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		g, have := got[key]
		w, wanted := want[key]
		switch {
		case !have:
			wrong = append(wrong, fmt.Sprintf("%s is missing, want %d", key, w))
		case !wanted:
			wrong = append(wrong, fmt.Sprintf("%s is there with %d", key, g))
		case g != w:
			wrong = append(wrong, fmt.Sprintf("%s is %d, want %d", key, g, w))
		}
	}
	return wrong
}

// listed is "" for nothing wrong, otherwise how much and the first of it.
func listed(wrong []string) string {
	if len(wrong) == 0 {
		return ""
	}
	return fmt.Sprintf("%d wrong: %s", len(wrong), strings.Join(wrong[:min(len(wrong), 5)], "; "))
}
