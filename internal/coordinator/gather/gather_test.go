package gather

import (
	"slices"
	"sync"
	"testing"
)

func TestPartsComeInTheOrderOfTheQuestion(t *testing.T) {
	const n = 50
	answers := make(chan []int, 2)
	g := New(n, func(parts []int) { answers <- parts })
	var wg sync.WaitGroup
	for i := n - 1; i >= 0; i-- {
		wg.Go(func() { g.Put(i, i) })
	}
	wg.Wait()
	if got := <-answers; !slices.IsSorted(got) || len(got) != n {
		t.Errorf("%v", got)
	}
	if len(answers) != 0 {
		t.Error("done was called twice")
	}
}

func TestNothingToWaitFor(t *testing.T) {
	called := 0
	New(0, func(parts []int) { called += 1 + len(parts) })
	if called != 1 {
		t.Errorf("done was called %d times", called)
	}
}
