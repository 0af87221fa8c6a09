package record

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestPlainReaderAgreesWithTheCarefulOne lets both read records, sound and damaged: what the fast one takes, the careful one takes too, and
// sees the same in it.
func TestPlainReaderAgreesWithTheCarefulOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	taken := 0
	for range 200_000 {
		r := Record{Value: make([]byte, random.IntN(300))}
		switch random.IntN(4) {
		case 0:
			r.Key = make([]byte, random.IntN(200))
		case 1:
			r.Value = nil
		case 2:
			r.Headers = []Header{{Key: "h", Value: []byte("v")}}
		}
		deltas := [...]int64{0, 1, -1, 63, 64, -64, -65, 8191, 8192, 1 << 19, 1 << 20, -(1 << 20), 1 << 40}
		b := appendRecord(nil, &r, int32(deltas[random.IntN(len(deltas)-1)]), deltas[random.IntN(len(deltas))])
		b = append(b, bytes.Repeat([]byte{1}, random.IntN(20))...) // the next record
		if random.IntN(2) == 0 {
			b[random.IntN(min(len(b), 24))] = byte(random.Uint32())
		}
		b = b[:len(b)-random.IntN(3)*random.IntN(len(b))/4]
		var p plain
		if !p.read(b) {
			continue
		}
		taken++
		body, rest, err := cutRecord(b)
		var f fields
		if err == nil {
			err = f.parse(body)
		}
		if err != nil {
			t.Fatalf("taken, and the careful reader says %v: %x", err, b)
		}
		if p.timestampDelta != f.timestampDelta || p.offsetDelta != f.offsetDelta || p.hasKey != (f.key != nil) || len(b)-len(rest) != p.sizeBytes {
			t.Fatalf("%+v, the careful reader %+v, %d bytes: %x", p, f, len(b)-len(rest), b)
		}
	}
	if taken < 20_000 {
		t.Fatalf("only %d records were usual: the test tests little", taken)
	}
}
