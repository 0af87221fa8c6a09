package storage

import (
	"errors"
	"math/rand/v2"
	"testing"

	"ottla.dev/ottla/internal/vfs"
)

func TestStartNoteIsReadAsItWasWritten(t *testing.T) {
	disk := vfs.NewMem()
	if err := disk.MkdirAll("/data"); err != nil {
		t.Fatal(err)
	}
	if err := disk.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	if n, err := ReadStartNote(disk, "/data"); err != nil || n != (StartNote{}) {
		t.Errorf("a missing note says %+v, %v", n, err)
	}
	for i, want := range []StartNote{{}, {BootID: "a-b", Flushed: true}, {BootID: "a=b", LostBelow: 1 << 40, Unfinished: true}} {
		if err := WriteStartNote(disk, "/data", want); err != nil {
			t.Fatal(err)
		}
		for _, d := range []*vfs.Mem{disk, disk.CrashClone(rand.New(rand.NewPCG(uint64(i), 1)))} {
			if n, err := ReadStartNote(d, "/data"); err != nil || n != want {
				t.Errorf("%+v is read as %+v, %v", want, n, err)
			}
		}
	}
}

func TestStartNoteThatIsDamaged(t *testing.T) {
	for _, text := range []string{"flushed=perhaps\n", "boot.id=x\nlost.below.producer.id=many\n", "unfinished=\n"} {
		disk := vfs.NewMem()
		if err := disk.MkdirAll("/data"); err != nil {
			t.Fatal(err)
		}
		if err := replaceFile(disk, "/data", startNoteName, []byte(text), synced); err != nil {
			t.Fatal(err)
		}
		if n, err := ReadStartNote(disk, "/data"); !errors.Is(err, ErrCorrupt) || n != (StartNote{}) {
			t.Errorf("%q is read as %+v, %v", text, n, err)
		}
	}
}
