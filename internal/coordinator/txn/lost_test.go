package txn

import (
	"fmt"
	"strings"

	"ottla.dev/ottla/internal/coordinator/scripttest"
)

// powerCut loads the partition as it is found after the machine went down:
//
//	powercut [lose=n] [open=producer/epoch:t/0,…] [marked=t/0,…]
//
// The log has lost its newest n records. What is open in partitions, and which of them have a marker of the producer that is newer than any decision, is known.
func (w *world) powerCut(c scripttest.Command) error {
	w.log = w.log[:max(0, len(w.log)-int(c.Num("lose", 0)))]
	open := w.openTransactions(c)
	marked := map[TopicPartition]bool{}
	for _, tp := range c.List("marked") {
		marked[parsePartitions(tp)[0]] = true
	}
	w.lost = &Lost{Below: w.nextID, LeftOpen: func(producerID int64) (of []OpenTransaction) {
		for _, o := range open {
			if o.ProducerID == producerID {
				of = append(of, o)
			}
		}
		return of
	}, MarkedSince: func(tp TopicPartition, _, _ int64) bool { return marked[tp] }}
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

// fates shows what is known of open transactions: fates open=…
func (w *world) fates(c scripttest.Command) {
	open := w.openTransactions(c)
	for i, fate := range w.m.Fates(open) {
		var decisions []string
		for _, d := range fate.Decisions {
			end := "abort"
			if d.Commit {
				end = "commit"
			}
			decisions = append(decisions, fmt.Sprintf("%s epoch %d v%d", end, d.ProducerEpoch, d.TransactionVersion))
		}
		w.Printf("%d/%d %s: busy %t, decided %q", open[i].ProducerID, open[i].ProducerEpoch, open[i].TopicPartition, fate.Busy, decisions)
	}
}
