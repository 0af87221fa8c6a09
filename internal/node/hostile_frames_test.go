package node_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// length is a frame length with what follows it.
func length(n int32, rest ...byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(n)), rest...)
}

func TestHostileFramesCloseTheirConnectionOnly(t *testing.T) {
	v := attacked(t, map[string]string{"socket.request.max.bytes": "200000"})
	for _, test := range []struct {
		name  string
		bytes []byte
		log   []string // of the line that tells
	}{
		{"negative length", length(-1), []string{"a frame length of -1", "socket.request.max.bytes"}},
		{"most negative length", length(-1 << 31), []string{"a frame length of -2147483648"}},
		{"largest length", length(1<<31 - 1), []string{"a frame length of 2147483647", "200000"}},
		{"one byte over the limit", length(200001), []string{"a frame length of 200001", "200000"}},
		{"no length", length(0), []string{"a frame length of 0"}},
		{"shorter than a header", length(7, 0, 18, 0, 0, 0, 0, 0), []string{"a frame length of 7"}},
		{"http", []byte("GET / HTTP/1.1\r\nHost: kafka\r\n\r\n"), []string{"a frame length of 1195725856"}},
		{"tls client hello", append([]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}, make([]byte, 64)...), []string{"a frame length of 369295618"}},
		{"client id longer than the frame", framed([]byte{0, 18, 0, 0, 0, 0, 0, 1, 0x7f, 0xff}), []string{"header of ApiVersions version 0"}},
		{"header tags cut", framed([]byte{0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 5, 1}), []string{"header of ApiVersions version 3"}},
		{"zeros", make([]byte, 64), []string{"a frame length of 0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			mark := v.log.mark()
			a := attack(t, v.b.Addr())
			a.send(test.bytes).closed()
			line := v.log.waitFor(t, mark, append(test.log, "level=WARN", a.conn.LocalAddr().String())...)
			if n := strings.Count(v.log.since(mark), "\n"); n != 1 {
				t.Errorf("%d log lines for one wrong frame, the first %s", n, line)
			}
		})
	}
}

// TestHostileLengthsClaimNoMemory sends many lengths just under the limit with few bytes behind them: what is not sent is not
// allocated, and whoever sends slowly holds nobody up.
func TestHostileLengthsClaimNoMemory(t *testing.T) {
	v := attacked(t, nil)
	before := heapInUse()
	for range 200 {
		attack(t, v.b.Addr()).send(length(100<<20, 0, 18, 0, 0))
	}
	a := attack(t, v.b.Addr())
	a.send(frameOf(kmsg.NewPtrApiVersionsRequest(), 0)).answer()
	if grown := heapInUse() - before; grown > 1<<30 {
		t.Errorf("200 connections that claim 100 MiB each and send 4 bytes have cost %d MiB", grown>>20)
	}
}

func TestHostileConnectionsCutAnywhere(t *testing.T) {
	v := attacked(t, nil)
	whole := produceFrame(t, "cut", 3, 50)
	attack(t, v.b.Addr()).send(metadataFrame("cut", true)).answer()
	mark := v.log.mark()
	for n := range whole {
		a := attack(t, v.b.Addr())
		a.send(whole[:n])
		a.conn.Close()
	}
	// A whole request whose sender does not wait for the answer counts.
	a := attack(t, v.b.Addr())
	a.send(whole)
	a.finish()
	a.answer()
	a.closed()
	list := kmsg.NewPtrListOffsetsRequest()
	list.ReplicaID = -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = "cut"
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Timestamp = -1
	topic.Partitions = append(topic.Partitions, partition)
	list.Topics = append(list.Topics, topic)
	resp := ask[*kmsg.ListOffsetsResponse](attack(t, v.b.Addr()), list, 5)
	if end := resp.Topics[0].Partitions[0].Offset; end != 3 {
		t.Errorf("the log ends at %d after %d cut requests and a whole one of 3 records", end, len(whole))
	}
	if log := v.log.since(mark); log != "" {
		t.Errorf("clients that go away are worth no log line:\n%s", log)
	}
}

func TestHostileGarbage(t *testing.T) {
	v := attacked(t, nil)
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		b := make([]byte, 1+random.IntN(300))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		a := attack(t, v.b.Addr())
		if random.IntN(2) == 0 {
			b = framed(b) // else most of them end at the length
		}
		a.send(b)
		a.finish()
		a.closed()
	}
}

// TestHostilePipelines sends wrong requests behind good ones: what was right is answered first.
func TestHostilePipelines(t *testing.T) {
	v := attacked(t, nil)
	good := frameOf(kmsg.NewPtrApiVersionsRequest(), 0)
	a := attack(t, v.b.Addr())
	a.send(append(bytes.Repeat(good, 10), length(-5)...))
	for i := range 10 {
		if b, err := a.read(); err != nil {
			t.Fatalf("good request %d was not answered: %v", i, err)
		} else if len(b) < 10 {
			t.Fatalf("good request %d got %x", i, b)
		}
	}
	a.closed()
}

func metadataFrame(topic string, create bool) []byte {
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	req.Topics, req.AllowAutoTopicCreation = append(req.Topics, t), create
	return frameOf(req, 9)
}
