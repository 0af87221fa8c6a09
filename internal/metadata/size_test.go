package metadata

import (
	"fmt"
	"runtime"
	"testing"
)

func manyTopics(topics, partitions int) []Record {
	var records []Record
	for i := range topics {
		id := UUID{byte(i >> 16), byte(i >> 8), byte(i), 1}
		records = append(records, TopicRecord{Name: fmt.Sprintf("topic-%d", i), TopicID: id})
		for p := range partitions {
			records = append(records, PartitionRecord{TopicID: id, PartitionID: int32(p), Partition: Partition{
				Leader: 1, Replicas: []int32{1}, ISR: []int32{1}, Directories: []UUID{{9}},
			}})
		}
	}
	return records
}

// TestSizeOfAPartition keeps the image small: 100,000 partitions are to be cheap.
func TestSizeOfAPartition(t *testing.T) {
	for _, shape := range [][2]int{{50, 1000}, {5000, 1}} {
		records := manyTopics(shape[0], shape[1])
		img := Empty()
		before := heapBytes()
		img, _ = mustApply(t, img, records...)
		perPartition := int(heapBytes()-before) / img.NumPartitions()
		runtime.KeepAlive(records)
		t.Logf("%d topics of %d: %d bytes per partition", shape[0], shape[1], perPartition)
		limit := 150
		if shape[1] == 1 {
			limit = 600 // with its topic
		}
		if perPartition > limit {
			t.Errorf("%d topics of %d: %d bytes per partition, at most %d are fine", shape[0], shape[1], perPartition, limit)
		}
		runtime.KeepAlive(img)
	}
}

func heapBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkCreateOneTopicAmong(b *testing.B) {
	for _, topics := range []int{100, 100_000} {
		b.Run(fmt.Sprint(topics), func(b *testing.B) {
			img, _ := mustApply(b, Empty(), manyTopics(topics, 1)...)
			id := UUID{0xff}
			b.ReportAllocs()
			for b.Loop() {
				mustApply(b, img, TopicRecord{Name: "one-more", TopicID: id}, PartitionRecord{TopicID: id, Partition: onePartition(1)})
			}
		})
	}
}

func BenchmarkLookUp(b *testing.B) {
	img, _ := mustApply(b, Empty(), manyTopics(100_000, 1)...)
	b.Run("name", func(b *testing.B) {
		for b.Loop() {
			if img.Topic("topic-777") == nil {
				b.Fatal()
			}
		}
	})
	b.Run("id", func(b *testing.B) {
		for b.Loop() {
			if img.TopicByID(UUID{0, 1, 1, 1}) == nil {
				b.Fatal()
			}
		}
	})
}

func TestUUIDs(t *testing.T) {
	id := UUID{0xfb, 0xff, 1}
	if got, err := ParseUUID(id.String()); err != nil || got != id || id.String() != "-_8BAAAAAAAAAAAAAAAAAA" {
		t.Fatalf("%s read as %v, %v", id, got, err)
	}
	for _, bad := range []string{"", "x", "-_8BAAAAAAAAAAAAAAAAAAA", "+/8BAAAAAAAAAAAAAAAAAA"} {
		if _, err := ParseUUID(bad); err == nil {
			t.Errorf("%q was taken for an id", bad)
		}
	}
	// 0xf8… would begin with a dash; all zeros would be fine but for the version bits.
	source := append([]byte{0xf8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 16)...)
	got, err := NewUUID(&reader{source})
	if err != nil || got[6] != 0x40 || got[8] != 0x80 || got[0] != 0 {
		t.Fatalf("new id %v, %v", got, err)
	}
	if _, err := NewUUID(&reader{}); err == nil {
		t.Fatal("an id without random bytes")
	}
}

type reader struct{ rest []byte }

func (r *reader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, fmt.Errorf("empty")
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
