package storage

import (
	"testing"

	"ottla.dev/ottla/internal/record"
)

// TestMarkersAreWrittenWhateverTheLimit lowers max.message.bytes under an open transaction. Nobody could end it if that were for markers too. (In
// Apache Kafka 4.3.1 it is, and the coordinator tries for ever.)
func TestMarkersAreWrittenWhateverTheLimit(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.begin(l, 7)
	lowered := *l.Config()
	lowered.MaxMessageBytes = 10
	l.UpdateConfig(&lowered)
	b.end(l, 7, record.ControlCommit)
	if stable, end := l.LastStableOffset(), l.LogEndOffset(); stable != end || end != 2 {
		t.Errorf("the last stable offset is %d, the end %d", stable, end)
	}
	// What a coordinator writes into its own log is bound by it.
	batch := batchWith(t, b.clock.Now(), func(*record.Builder) {}, "state")
	if _, err := l.Append(batch, AppendOptions{Origin: OriginCoordinator}); err == nil {
		t.Error("a coordinator's batch over the limit was taken")
	}
}
