package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const crashSeeds = 300

// outcomes crashes a file system with many seeds and counts what describe says of each.
func outcomes(m *Mem, describe func(*Mem) string) map[string]int {
	counts := map[string]int{}
	for seed := range uint64(crashSeeds) {
		counts[describe(m.CrashClone(rand.New(rand.NewPCG(seed, 0))))]++
	}
	return counts
}

func contents(m *Mem, name string) string {
	f, err := m.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "missing"
	}
	size, _ := f.Size()
	data := make([]byte, size)
	f.ReadAt(data, 0)
	return string(data)
}

func TestWhatIsSyncedSurvives(t *testing.T) {
	m := NewMem()
	must(t, m.MkdirAll("/dir"))
	must(t, m.SyncDir("/"))
	f, err := m.Create("/dir/file")
	must(t, err)
	_, err = f.WriteAt([]byte("kept"), 0)
	must(t, err)
	must(t, f.Sync())
	must(t, m.SyncDir("/dir"))
	got := outcomes(m, func(c *Mem) string { return contents(c, "/dir/file") })
	if got["kept"] != crashSeeds {
		t.Errorf("after crashes the file was %v", got)
	}
}

func TestCrashKnowsWhatWasWrittenNotTheBuffer(t *testing.T) {
	m := NewMem()
	f, err := m.Create("/file")
	must(t, err)
	must(t, m.SyncDir("/"))
	buffer := []byte("first")
	_, err = f.WriteAt(buffer, 0)
	must(t, err)
	copy(buffer, "other")
	must(t, f.Sync())
	if got := outcomes(m, func(c *Mem) string { return contents(c, "/file") }); got["first"] != crashSeeds {
		t.Errorf("after crashes the file was %v", got)
	}
}

func TestUnsyncedContentsMayBeLost(t *testing.T) {
	m := NewMem()
	f, err := m.Create("/file")
	must(t, err)
	must(t, m.SyncDir("/"))
	_, err = f.WriteAt([]byte("old"), 0)
	must(t, err)
	must(t, f.Sync())
	_, err = f.WriteAt([]byte("new"), 0)
	must(t, err)
	_, err = f.WriteAt([]byte(" end"), 3)
	must(t, err)
	got := outcomes(m, func(c *Mem) string { return contents(c, "/file") })
	// All four: none, the first, the second without the first (the disk orders as it likes), both.
	for _, want := range []string{"old", "new", "old end", "new end"} {
		if got[want] == 0 {
			t.Errorf("never found %q; found %v", want, got)
		}
		delete(got, want)
	}
	if len(got) > 0 {
		t.Errorf("found %v", got)
	}
	if contents(m, "/file") != "new end" {
		t.Error("the crash clone changed the original")
	}
}

func TestLargeWritesMayTear(t *testing.T) {
	m := NewMem()
	f, err := m.Create("/file")
	must(t, err)
	must(t, m.SyncDir("/"))
	_, err = f.WriteAt([]byte(strings.Repeat("x", 4*sectorBytes)), 0)
	must(t, err)
	torn := outcomes(m, func(c *Mem) string {
		data := contents(c, "/file")
		if len(data)%sectorBytes != 0 {
			t.Fatalf("%d bytes are no whole sectors", len(data))
		}
		sectors := ""
		for part := range slices.Chunk([]byte(data), sectorBytes) {
			switch string(part) {
			case strings.Repeat("x", sectorBytes):
				sectors += "x"
			case strings.Repeat("\x00", sectorBytes):
				sectors += "0"
			default:
				t.Fatal("a sector is torn in itself")
			}
		}
		return sectors
	})
	for _, want := range []string{"", "xxxx", "0x", "x0x"} {
		if torn[want] == 0 {
			t.Errorf("never found the sectors %q; found %v", want, torn)
		}
	}
}

func TestUnsyncedNamesMayBeLost(t *testing.T) {
	m := NewMem()
	put(t, m, "/file", "")
	m.SyncAll()
	must(t, m.Rename("/file", "/renamed"))
	put(t, m, "/second", "")
	got := outcomes(m, func(c *Mem) string { return strings.Join(names(t, c, "/"), " ") })
	// The rename is one: the file is never under both names, and never under none.
	want := map[string]bool{"file": true, "file second": true, "renamed": true, "renamed second": true}
	for list := range want {
		if got[list] == 0 {
			t.Errorf("never found %q", list)
		}
	}
	for list := range got {
		if !want[list] {
			t.Errorf("found %q", list)
		}
	}
	must(t, m.SyncDir("/"))
	if got := outcomes(m, func(c *Mem) string { return strings.Join(names(t, c, "/"), " ") }); got["renamed second"] != crashSeeds {
		t.Errorf("after a sync of the directory: %v", got)
	}
}

func TestRemovedNameMayComeBack(t *testing.T) {
	m := NewMem()
	put(t, m, "/file", "data")
	m.SyncAll()
	must(t, m.Remove("/file"))
	got := outcomes(m, func(c *Mem) string { return contents(c, "/file") })
	if got["data"] == 0 || got["missing"] == 0 || len(got) != 2 {
		t.Errorf("found %v", got)
	}
	must(t, m.SyncDir("/"))
	if got := outcomes(m, func(c *Mem) string { return contents(c, "/file") }); got["missing"] != crashSeeds {
		t.Errorf("after a sync of the directory: %v", got)
	}
}

func TestCrashesAreReproducible(t *testing.T) {
	m := NewMem()
	for i := range 20 {
		put(t, m, fmt.Sprintf("/%02d", i), strings.Repeat("x", 100*i))
	}
	describe := func(seed uint64) string {
		c := m.CrashClone(rand.New(rand.NewPCG(seed, 0)))
		text := ""
		for _, name := range names(t, c, "/") {
			text += name + contents(c, "/"+name)
		}
		return text
	}
	first, again := describe(1), describe(1)
	if first != again {
		t.Error("two crashes with the same random numbers differ")
	}
	if first == describe(2) {
		t.Error("two crashes with different random numbers are the same")
	}
}

func TestCloneIsIndependent(t *testing.T) {
	m := NewMem()
	put(t, m, "/file", "data")
	m.SyncAll()
	c := m.CrashClone(rand.New(rand.NewPCG(1, 1)))
	put(t, c, "/file", "other")
	put(t, m, "/more", "")
	if contents(m, "/file") != "data" || contents(c, "/more") != "missing" {
		t.Error("a change of one shows in the other")
	}
	lock, err := m.Lock("/.lock", "a")
	must(t, err)
	defer lock.Close()
	d := m.CrashClone(rand.New(rand.NewPCG(1, 1)))
	if _, err := d.Lock("/.lock", "b"); err != nil {
		t.Errorf("a lock survived the crash: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	m := NewMem()
	m.SetCapacity(10)
	f, err := m.Create("/file")
	must(t, err)
	_, err = f.WriteAt([]byte("12345678"), 0)
	must(t, err)
	n, err := f.WriteAt([]byte("abcdef"), 8)
	if n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("wrote %d bytes: %v", n, err)
	}
	if _, err := f.WriteAt([]byte("ABCD"), 0); err != nil {
		t.Errorf("overwriting takes no space: %v", err)
	}
	if usage, _ := m.DiskUsage("/"); usage.FreeBytes != 0 || m.UsedBytes() != 10 {
		t.Errorf("used %d, %+v", m.UsedBytes(), usage)
	}
	must(t, f.Truncate(4))
	if _, err := f.WriteAt([]byte("efghij"), 4); err != nil || contents(m, "/file") != "ABCDefghij" {
		t.Errorf("after making room: %v", err)
	}
	must(t, m.Remove("/file"))
	if m.UsedBytes() != 0 {
		t.Errorf("%d bytes are used by nothing", m.UsedBytes())
	}
}

func TestInjectedFaults(t *testing.T) {
	m := NewMem()
	put(t, m, "/file", "data")
	f, err := m.OpenReadWrite("/file")
	must(t, err)
	broken := errors.New("broken")
	for op, try := range map[Op]func() error{
		OpCreate:    func() error { _, err := m.Create("/new"); return err },
		OpOpen:      func() error { _, err := m.Open("/file"); return err },
		OpRead:      func() error { _, err := f.ReadAt(make([]byte, 1), 0); return err },
		OpWrite:     func() error { _, err := f.WriteAt([]byte("x"), 0); return err },
		OpTruncate:  func() error { return f.Truncate(0) },
		OpSync:      f.Sync,
		OpSyncDir:   func() error { return m.SyncDir("/") },
		OpRename:    func() error { return m.Rename("/file", "/other") },
		OpRemove:    func() error { return m.Remove("/file") },
		OpMkdir:     func() error { return m.MkdirAll("/dir") },
		OpReadDir:   func() error { _, err := m.ReadDir("/"); return err },
		OpDiskUsage: func() error { _, err := m.DiskUsage("/"); return err },
	} {
		m.Inject(func(got Op, _ string) Fault {
			if got == op {
				return Fault{Err: broken}
			}
			return Fault{}
		})
		if err := try(); !errors.Is(err, broken) {
			t.Errorf("%s: %v", op, err)
		}
	}
	m.Inject(nil)
	if got := contents(m, "/file"); got != "data" {
		t.Errorf("what failed left %q", got)
	}
}

func TestInjectedShortWriteLeavesItsPart(t *testing.T) {
	m := NewMem()
	f, err := m.Create("/file")
	must(t, err)
	m.Inject(func(op Op, name string) Fault {
		if op == OpWrite && name == "/file" {
			return Fault{Err: syscall.EIO, ShortBytes: 3}
		}
		return Fault{}
	})
	n, err := f.WriteAt([]byte("abcdef"), 0)
	if n != 3 || !errors.Is(err, syscall.EIO) || contents(m, "/file") != "abc" {
		t.Errorf("wrote %d bytes: %v; the file has %q", n, err, contents(m, "/file"))
	}
}

// TestFailedSyncMakesNothingDurable: what a failed sync was asked to keep may be gone after the next crash.
func TestFailedSyncMakesNothingDurable(t *testing.T) {
	m := NewMem()
	f, err := m.Create("/file")
	must(t, err)
	must(t, m.SyncDir("/"))
	_, err = f.WriteAt([]byte("data"), 0)
	must(t, err)
	m.Inject(func(op Op, _ string) Fault {
		if op == OpSync {
			return Fault{Err: syscall.EIO}
		}
		return Fault{}
	})
	if f.Sync() == nil {
		t.Fatal("the fault was not injected")
	}
	if got := outcomes(m, func(c *Mem) string { return contents(c, "/file") }); got[""] == 0 || got["data"] == 0 {
		t.Errorf("found %v", got)
	}
}
