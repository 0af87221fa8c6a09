package node_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // the pools keep what they have for one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestHostileKeysAndVersions(t *testing.T) {
	v := attacked(t, nil)
	for _, test := range []struct{ key, version int16 }{
		{-1, 0}, {999, 0}, {32767, 32767}, {-32768, -32768}, // no such API
		{4, 0}, {5, 0}, {6, 0}, {7, 0}, // between brokers, gone with ZooKeeper
		{0, 0}, {0, 2}, {0, 14}, {0, -1}, {1, 3}, {1, 19}, {1, -1}, // the two that are decoded by hand
		{3, 14}, {3, -1}, {19, 1}, {19, 8}, {2, 0}, {11, 10},
		{29, 1}, {68, 0}, {76, 0}, // not served yet
		{24, 6}, {25, 5}, {26, 6}, {27, 0}, {28, 6}, {57, 3}, {65, 1}, {66, 3}, // versions of transactions that Apache Kafka 4.3.1 does not serve
		{52, 1}, {53, 0}, {56, 0}, {62, 0}, {63, 0}, // for controllers
	} {
		t.Run(fmt.Sprintf("%d version %d", test.key, test.version), func(t *testing.T) {
			mark := v.log.mark()
			a := attack(t, v.b.Addr())
			a.send(requestFrame(test.key, test.version, false, nil)).closed()
			name := fmt.Sprintf("API key %d version %d", test.key, test.version)
			if test.key == 0 && test.version >= 0 && test.version < 3 {
				name = fmt.Sprintf("Produce request of version %d", test.version)
			}
			v.log.waitFor(t, mark, "closed a connection", name, a.conn.LocalAddr().String())
		})
	}
	for _, version := range []int16{5, 100, 32767, -1} {
		b := attack(t, v.b.Addr()).send(requestFrame(18, version, false, []byte("anything"))).answer()
		var resp kmsg.ApiVersionsResponse
		if err := resp.ReadFrom(b[4:]); err != nil || resp.ErrorCode != int16(protocol.UnsupportedVersion) || len(resp.ApiKeys) == 0 {
			t.Errorf("ApiVersions version %d: error %d, %d keys, %v; want error 35 and the versions, in version 0", version, resp.ErrorCode, len(resp.ApiKeys), err)
		}
	}
}

// sample returns a request with one element in each of its arrays, as franz-go's defaults fill it.
func sample(key, version int16) []byte {
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	fillArrays(req)
	return req.AppendTo(nil)
}

// TestHostileBodiesCut sends every request that is served, in its first and last version, cut at every byte, and every second time with what
// was cut off replaced by the largest number. The node answers or closes, and lives.
func TestHostileBodiesCut(t *testing.T) {
	v := attacked(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	closed, answered := 0, 0
	for _, api := range protocol.Served {
		for _, version := range []int16{api.Min, api.Max} {
			flexible := protocol.FlexibleRequest(api.Key, version)
			whole := sample(api.Key, version)
			for cut := range whole {
				body := whole[:cut:cut]
				if cut%2 == 1 {
					body = append(body, 0x7f, 0xff, 0xff, 0xff)
				}
				a := attack(t, v.b.Addr())
				a.send(requestFrame(api.Key, version, flexible, body)).finish()
				if _, err := a.read(); err == nil {
					answered++
				} else if isCut(err) {
					closed++
				} else {
					t.Fatalf("%s version %d, body %x: neither answered nor closed: %v", api.Name, version, body, err)
				}
				a.conn.Close()
			}
		}
	}
	if closed < 5*answered {
		t.Errorf("%d cut requests were closed, %d answered; few should decode", closed, answered)
	}
	v.log.waitFor(t, 0, "closed a connection", "does not decode")
}

// TestHostileArraysClaimLittleMemory sends arrays that claim as many elements as the frame has bytes. What they may cost is bounded: an
// element takes more in memory than the byte that it takes at least on the wire, but no more than the limit says.
func TestHostileArraysClaimLittleMemory(t *testing.T) {
	const bodyBytes, limit = 1 << 20, 16
	v := startVictim(t, t.TempDir(), nil)
	for _, api := range protocol.Served {
		version := api.Min
		if api.Key == protocol.KeyProduce {
			version = 3
		}
		whole := sample(api.Key, version)
		for cut := 0; cut+4 <= len(whole); cut++ {
			body := make([]byte, bodyBytes)
			copy(body, whole[:cut])
			copy(body[cut:], length(int32(bodyBytes-cut-8)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			a := attack(t, v.b.Addr())
			a.send(requestFrame(api.Key, version, protocol.FlexibleRequest(api.Key, version), body)).finish()
			_, _ = a.read()
			a.conn.Close()
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > limit*bodyBytes {
				t.Errorf("%s version %d with a wrong length at byte %d: %d bytes for each byte of the frame", api.Name, version, cut, used/bodyBytes)
			}
		}
	}
}

// TestHostileTagCounts ends every flexible request in a number of tagged fields that are not there.
func TestHostileTagCounts(t *testing.T) {
	v := attacked(t, nil)
	began := time.Now()
	for _, api := range protocol.Served {
		if !protocol.FlexibleRequest(api.Key, api.Max) {
			continue
		}
		body := sample(api.Key, api.Max)
		body = append(body[:len(body)-1], 0xff, 0xff, 0xff, 0xff, 0x0f) // the last byte is the tag count of the message
		attack(t, v.b.Addr()).send(requestFrame(api.Key, api.Max, true, body)).closed()
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
