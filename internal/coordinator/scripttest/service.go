package scripttest

import (
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/memlog"
	"ottla.dev/ottla/internal/record"
)

// Ask sends a request through its codec, as a connection would. The returned function tells whether and how it is answered, as the client
// would read it.
func Ask[Req kmsg.Request, Resp kmsg.Response](t testing.TB, call func(Req, func(Resp)), req Req) func() (Resp, bool) {
	t.Helper()
	received := kmsg.RequestForKey(req.Key()).(Req)
	received.SetVersion(req.GetVersion())
	if err := received.ReadFrom(req.AppendTo(nil)); err != nil {
		t.Fatalf("%T does not decode: %v", req, err)
	}
	var answer Resp
	answers := 0
	call(received, func(resp Resp) {
		answer = received.ResponseKind().(Resp)
		if err := answer.ReadFrom(resp.AppendTo(nil)); err != nil {
			t.Fatalf("%T does not decode: %v", resp, err)
		}
		if answers++; answers > 1 {
			t.Fatalf("%T was answered %d times", req, answers)
		}
	})
	return func() (Resp, bool) { return answer, answers == 1 }
}

// ReadBatches reads the batches of a log that Apache Kafka wrote.
func ReadBatches(t testing.TB, path string) (batches []record.Batch) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for len(file) > 0 {
		batch, rest, err := record.Next(file)
		if err != nil {
			t.Fatal(err)
		}
		batches, file = append(batches, batch), rest
	}
	return batches
}

// LogOf is a log with the batches, which keep their offsets.
func LogOf(t testing.TB, batches []record.Batch) *memlog.Log {
	t.Helper()
	log := &memlog.Log{}
	for _, batch := range batches {
		if first, _, err := log.Append(batch, machine.AppendOptions{}); err != nil || first != batch.BaseOffset() {
			t.Fatalf("batch %d came to offset %d: %v", batch.BaseOffset(), first, err)
		}
	}
	return log
}
