package txn

import (
	"fmt"
	"strings"

	"ottla.dev/ottla/internal/coordinator/scripttest"
)

// powerCut loads the partition as it is found after the machine went down:
//
//	powercut [lose=n] [open=producer/epoch:t/0,…]
//
// The log has lost its newest n records. What is open in partitions is known, and somebody else ends it.
func (w *world) powerCut(c scripttest.Command) error {
	w.log = w.log[:max(0, len(w.log)-int(c.Num("lose", 0)))]
	open := w.openTransactions(c)
	w.lost = &Lost{Below: w.nextID, LeftOpen: func(producerID int64) (of []OpenTransaction) {
		for _, o := range open {
			if o.ProducerID == producerID {
				of = append(of, o)
			}
		}
		return of
	}}
	return w.reload()
}

func (w *world) openTransactions(c scripttest.Command) (open []OpenTransaction) {
	for _, o := range c.List("open") {
		producer, tp, _ := strings.Cut(o, ":")
		id, epoch := producerOf(scripttest.Command{}, producer)
		open = append(open, OpenTransaction{TopicPartition: parsePartitions(tp)[0], ProducerID: id, ProducerEpoch: epoch})
	}
	return open
}

// decisions shows what is known of open transactions: decisions open=…
func (w *world) decisions(c scripttest.Command) {
	open := w.openTransactions(c)
	for i, decisions := range w.m.Decisions(open) {
		var parts []string
		for _, d := range decisions {
			end := "abort"
			if d.Commit {
				end = "commit"
			}
			parts = append(parts, fmt.Sprintf("%s epoch %d v%d at %s", end, d.ProducerEpoch, d.TransactionVersion, w.Since(d.AtMs)))
		}
		w.Printf("%d/%d %s: %q", open[i].ProducerID, open[i].ProducerEpoch, open[i].TopicPartition, parts)
	}
}
