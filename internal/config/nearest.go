package config

import "strings"

// nearest returns the broker setting whose name is closest to name, "" when none is close.
func nearest(name string) string {
	best, bestDistance := "", max(2, len(name)/4)+1
	for _, setting := range brokerTable.sorted {
		d := editDistance(name, setting.Name, bestDistance)
		if d < bestDistance {
			best, bestDistance = setting.Name, d
		}
	}
	if best == "" && strings.Contains(name, ".") {
		// A topic setting in a broker's file: the user means the default of all topics.
		if synonyms := topicSynonyms[name]; synonyms != nil {
			return synonyms[0]
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours that turn a into b. It may return
// any number from limit up when there are as many.
func editDistance(a, b string, limit int) int {
	if abs(len(a)-len(b)) >= limit {
		return limit
	}
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
