package streams

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// output is what an application that makes no mistake puts out.
func output(lines []line) (counts, sums updates) {
	counts, sums = updates{}, updates{}
	for _, l := range lines {
		for word := range strings.SplitSeq(l.text, " ") {
			counts[word] = append(counts[word], int64(len(counts[word])+1))
		}
		var before int64
		if n := len(sums[l.team()]); n > 0 {
			before = sums[l.team()][n-1]
		}
		sums[l.team()] = append(sums[l.team()], before+int64(len(l.text)))
	}
	return counts, sums
}

func TestOutputWithoutMistakesHolds(t *testing.T) {
	lines := makeLines(rand.New(rand.NewPCG(1, 0)), 500)
	w := expect(lines)
	counts, sums := output(lines)
	if wrong := verifyCounts(counts, w); wrong != nil {
		t.Error(wrong)
	}
	if wrong := verifySums(sums, w); wrong != nil {
		t.Error(wrong)
	}
	if counts.total() != w.countUpdates() || sums.total() != w.sumUpdates() || w.countUpdates() != 500*wordsPerLine {
		t.Errorf("%d of %d counts, %d of %d sums", counts.total(), w.countUpdates(), sums.total(), w.sumUpdates())
	}
}

func TestEveryMistakeInTheOutputIsFound(t *testing.T) {
	lines := makeLines(rand.New(rand.NewPCG(1, 0)), 500)
	w := expect(lines)
	word, _, _ := strings.Cut(lines[0].text, " ")
	team := lines[0].team()
	for name, spoil := range map[string]func(counts, sums updates){
		"an update twice":                func(counts, _ updates) { counts[word] = slices.Insert(counts[word], 1, counts[word][0]) },
		"an update is missing":           func(counts, _ updates) { counts[word] = slices.Delete(counts[word], 1, 2) },
		"the last update is missing":     func(counts, _ updates) { counts[word] = counts[word][:len(counts[word])-1] },
		"a line counted twice":           func(counts, _ updates) { counts[word] = append(counts[word], int64(len(counts[word])+1)) },
		"two updates in the wrong order": func(counts, _ updates) { counts[word][0], counts[word][1] = counts[word][1], counts[word][0] },
		"a word is missing":              func(counts, _ updates) { delete(counts, word) },
		"a word nobody sent":             func(counts, _ updates) { counts["other"] = []int64{1} },
		"a sum twice":                    func(_, sums updates) { sums[team] = append(sums[team], sums[team][len(sums[team])-1]) },
		"a sum is missing":               func(_, sums updates) { sums[team] = slices.Delete(sums[team], 3, 4) },
		"a sum is wrong":                 func(_, sums updates) { sums[team][len(sums[team])-1]++ },
	} {
		counts, sums := output(lines)
		spoil(counts, sums)
		if len(verifyCounts(counts, w))+len(verifySums(sums, w)) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}

func TestInputFollowsTheSeed(t *testing.T) {
	again := func(seed uint64) []line { return makeLines(rand.New(rand.NewPCG(seed, 0)), 50) }
	if !slices.Equal(again(7), again(7)) || slices.Equal(again(7), again(8)) {
		t.Error("a seed does not decide the input")
	}
}

func TestStoresThatAreReadWrongAreRefused(t *testing.T) {
	stores, err := parseStores([]string{"counts a 1", "sums t 2"})
	if err != nil || stores["counts"]["a"] != 1 || stores["sums"]["t"] != 2 {
		t.Errorf("%v, %v", stores, err)
	}
	for _, text := range []string{"counts a", "other a 1", "counts a one"} {
		if _, err := parseStores([]string{text}); err == nil {
			t.Errorf("%q is read", text)
		}
	}
	if _, err := parseStores([]string{"counts a 1", "counts a 1"}); err == nil {
		t.Error("a key in two partitions is read")
	}
}
