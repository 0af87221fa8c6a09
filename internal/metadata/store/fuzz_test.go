package store

import "testing"

// FuzzDecode feeds damaged values to every decoder: each must answer with an error or a record, and never panic.
func FuzzDecode(f *testing.F) {
	keys := []string{
		"cluster", "controller", "producer-ids", "format", "features/a", "brokers/1", "presence/1", "topics/AAAAAAAAAAAAAAAAAAAAAA",
		"partitions/AAAAAAAAAAAAAAAAAAAAAA/00001", "configs/2/a",
	}
	for i := range keys {
		f.Add(i, []byte{1, 0x0a, 1, 'a', 0x10, 2, 0x1a, 6, 8, 2, 0x22, 1, 2, 0x2a})
		f.Add(i, []byte{1, 0x12, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x22, 4, 0x0a, 2, 'a', 'b'})
	}
	f.Fuzz(func(t *testing.T, key int, value []byte) {
		if key < 0 || key >= len(keys) {
			return
		}
		records, err := decode([]Event{{Key: keys[key], Value: value, Created: true}}, 1)
		if err == nil && len(records) == 0 && keys[key] != "format" && keys[key] != "partitions/AAAAAAAAAAAAAAAAAAAAAA/00001" {
			t.Fatalf("%s: neither a record nor an error for %x", keys[key], value)
		}
	})
}
