package node_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// TestHostileFullDisk fills a small disk to its last byte, as when other programs take what the low watermark would have kept. It needs root.
func TestHostileFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=200m"); err != nil {
		t.Skip("cannot mount a small disk: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	dir := filepath.Join(disk, "data")
	settings := map[string]string{"ottla.disk.min.free.bytes": "0"}
	v := startVictim(t, dir, settings)
	create(t, v, "fill", map[string]string{"max.message.bytes": "10000000"})
	a := attack(t, v.b.Addr())
	large := batch(t, record.CodecNone, 4, 1_000_000)
	acked := int64(0)
	var refusal protocol.Code
	for refusal == protocol.None && acked < 400 {
		p := produced(a, "fill", large)
		if refusal = protocol.Code(p.ErrorCode); refusal == protocol.None {
			acked += 4
		}
	}
	if refusal != protocol.KafkaStorageError {
		t.Fatalf("after %d records the answer is %s", acked, refusal.Name())
	}
	for range 3 {
		if p := produced(a, "fill", large); p.ErrorCode == 0 {
			t.Fatal("taken without space")
		}
	}
	if n := recordsOf(t, v, "fill"); n != acked {
		t.Errorf("%d records are read from the full disk, %d were acknowledged", n, acked)
	}
	// With room again the node goes on without a restart.
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=400m"); err != nil {
		t.Fatal(err)
	}
	if p := produced(a, "fill", large); p.ErrorCode != 0 || p.BaseOffset != acked {
		t.Errorf("with room again a batch gets %s at %d, want offset %d", protocol.Code(p.ErrorCode).Name(), p.BaseOffset, acked)
	}
	if err := v.b.Close(); err != nil {
		t.Fatal(err)
	}
	v = startVictim(t, dir, settings)
	if n := recordsOf(t, v, "fill"); n != acked+4 {
		t.Errorf("%d records after a restart, %d were acknowledged", n, acked+4)
	}
	if err := v.b.Close(); err != nil {
		t.Fatal(err)
	}
}
