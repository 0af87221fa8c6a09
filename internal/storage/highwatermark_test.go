package storage

import (
	"sync"
	"testing"
)

// TestHighWatermarkRisesOnly: those who append finish in any order, and what was raised stays.
func TestHighWatermarkRisesOnly(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	const offsets = 300
	for range offsets {
		b.append(l, "x")
	}
	for range 200 {
		l.SetHighWatermark(0)
		var raisers sync.WaitGroup
		for r := range int64(4) {
			raisers.Go(func() {
				for offset := r; offset < offsets+50; offset += 3 { // some beyond the end
					l.RaiseHighWatermark(offset)
					if is := l.HighWatermark(); is < min(offset, offsets) || is > offsets {
						t.Errorf("raised to %d, it is %d; the log ends at %d", offset, is, offsets)
					}
				}
			})
		}
		raisers.Wait()
		if is := l.HighWatermark(); is != offsets {
			t.Fatalf("the high watermark is %d, want the end, %d", is, offsets)
		}
	}
}
