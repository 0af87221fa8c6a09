package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
)

// everywhere runs a test on the machine's file system and on the one in memory: whoever uses an FS must not be able to tell
// them apart.
func everywhere(t *testing.T, test func(t *testing.T, fsys FS, dir string)) {
	t.Run("os", func(t *testing.T) { test(t, OS, t.TempDir()) })
	t.Run("mem", func(t *testing.T) {
		fsys := NewMem()
		must(t, fsys.MkdirAll("/some/dir"))
		test(t, fsys, "/some/dir")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put makes a file with contents.
func put(t *testing.T, fsys FS, name, data string) {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	if data != "" {
		_, err = f.WriteAt([]byte(data), 0)
		must(t, err)
	}
	must(t, f.Close())
}

// get returns a file's contents.
func get(t *testing.T, fsys FS, name string) string {
	t.Helper()
	f, err := fsys.Open(name)
	must(t, err)
	defer f.Close()
	size, err := f.Size()
	must(t, err)
	data := make([]byte, size)
	if n, err := f.ReadAt(data, 0); n != len(data) {
		t.Fatalf("read %d of %d bytes: %v", n, size, err)
	}
	return string(data)
}

func names(t *testing.T, fsys FS, dir string) []string {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	must(t, err)
	list := []string{}
	for _, e := range entries {
		name := e.Name
		if e.IsDir {
			name += "/"
		}
		list = append(list, name)
	}
	return list
}

func TestFileReadsWhatWasWritten(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys FS, dir string) {
		f, err := fsys.Create(dir + "/file")
		must(t, err)
		defer f.Close()
		for _, w := range []struct {
			at   int64
			data string
		}{{0, "hello"}, {3, "p me"}, {10, "!"}} {
			n, err := f.WriteAt([]byte(w.data), w.at)
			if n != len(w.data) || err != nil {
				t.Fatalf("wrote %d bytes: %v", n, err)
			}
		}
		want := "help me\x00\x00\x00!"
		buffer := make([]byte, 20)
		n, err := f.ReadAt(buffer, 0)
		if string(buffer[:n]) != want || err != io.EOF {
			t.Errorf("read %q, %v", buffer[:n], err)
		}
		if n, err := f.ReadAt(buffer[:2], 5); n != 2 || err != nil || string(buffer[:2]) != "me" {
			t.Errorf("read %q, %v", buffer[:n], err)
		}
		if n, err := f.ReadAt(buffer, 11); n != 0 || err != io.EOF {
			t.Errorf("read %d bytes at the end: %v", n, err)
		}
		must(t, f.Truncate(4))
		must(t, f.Truncate(6))
		must(t, f.Sync())
		if got := get(t, fsys, f.Name()); got != "help\x00\x00" {
			t.Errorf("after truncation the file is %q", got)
		}
		must(t, f.Preallocate(1<<16))
		if size, err := f.Size(); size != 6 || err != nil {
			t.Errorf("preallocation made the size %d, %v", size, err)
		}
	})
}

func TestCreateEmptiesAnExistingFile(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys FS, dir string) {
		put(t, fsys, dir+"/file", "old")
		put(t, fsys, dir+"/file", "")
		if got := get(t, fsys, dir+"/file"); got != "" {
			t.Errorf("the file still has %q", got)
		}
	})
}

func TestOpenForReadingRefusesWrites(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys FS, dir string) {
		put(t, fsys, dir+"/file", "data")
		f, err := fsys.Open(dir + "/file")
		must(t, err)
		defer f.Close()
		if _, err := f.WriteAt([]byte("x"), 0); err == nil {
			t.Error("a file that was opened for reading could be written")
		}
		if err := f.Truncate(0); err == nil {
			t.Error("a file that was opened for reading could be truncated")
		}
	})
}

func TestWhatIsMissingIsErrNotExist(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys FS, dir string) {
		gone := dir + "/gone"
		_, open := fsys.Open(gone)
		_, write := fsys.OpenReadWrite(gone)
		_, create := fsys.Create(gone + "/file")
		_, stat := fsys.Stat(gone)
		_, list := fsys.ReadDir(gone)
		for operation, err := range map[string]error{
			"open": open, "open for writing": write, "create in it": create, "stat": stat, "list": list,
			"remove": fsys.Remove(gone), "rename": fsys.Rename(gone, dir+"/new"),
		} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", operation, err)
			}
		}
		must(t, fsys.RemoveAll(gone))
	})
}

func TestNames(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys FS, dir string) {
		must(t, fsys.MkdirAll(dir+"/a/b"))
		must(t, fsys.MkdirAll(dir+"/a"))
		put(t, fsys, dir+"/a/2", "two")
		put(t, fsys, dir+"/a/1", "one")
		if got := names(t, fsys, dir+"/a"); !slices.Equal(got, []string{"1", "2", "b/"}) {
			t.Fatalf("the directory has %q", got)
		}
		must(t, fsys.Rename(dir+"/a/1", dir+"/a/2"))
		must(t, fsys.Rename(dir+"/a", dir+"/c"))
		if got := get(t, fsys, dir+"/c/2"); got != "one" {
			t.Errorf("the renamed file has %q", got)
		}
		if err := fsys.Remove(dir + "/c"); err == nil {
			t.Error("a directory that is not empty could be removed")
		}
		info, err := fsys.Stat(dir + "/c/2")
		if err != nil || info.SizeBytes != 3 || info.IsDir || info.ModTime.IsZero() {
			t.Errorf("stat says %+v, %v", info, err)
		}
		must(t, fsys.SyncDir(dir+"/c"))
		must(t, fsys.RemoveAll(dir+"/c"))
		if got := names(t, fsys, dir); len(got) != 0 {
			t.Errorf("%q are left", got)
		}
	})
}

// TestRemovedFileCanStillBeRead: retention removes segments that a fetch is sending.
func TestRemovedFileCanStillBeRead(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys FS, dir string) {
		put(t, fsys, dir+"/file", "data")
		f, err := fsys.Open(dir + "/file")
		must(t, err)
		defer f.Close()
		must(t, fsys.Remove(dir+"/file"))
		buffer := make([]byte, 4)
		if _, err := f.ReadAt(buffer, 0); err != nil || string(buffer) != "data" {
			t.Errorf("read %q, %v", buffer, err)
		}
	})
}

func TestClosedFileIsErrClosed(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys FS, dir string) {
		f, err := fsys.Create(dir + "/file")
		must(t, err)
		must(t, f.Close())
		_, read := f.ReadAt(make([]byte, 1), 0)
		_, write := f.WriteAt([]byte("x"), 0)
		for operation, err := range map[string]error{"read": read, "write": write, "truncate": f.Truncate(1), "close": f.Close()} {
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s: %v", operation, err)
			}
		}
	})
}

func TestLockNamesItsHolder(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys FS, dir string) {
		name := dir + "/.lock"
		lock, err := fsys.Lock(name, "process 7")
		must(t, err)
		_, err = fsys.Lock(name, "process 8")
		var locked *LockedError
		if !errors.As(err, &locked) || locked.Holder != "process 7" || locked.Name != name {
			t.Fatalf("the second got %v", err)
		}
		must(t, lock.Close())
		again, err := fsys.Lock(name, "process 8")
		must(t, err)
		must(t, again.Close())
	})
}

func TestDiskUsageIsPlausible(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys FS, dir string) {
		usage, err := fsys.DiskUsage(dir)
		if err != nil || usage.TotalBytes <= 0 || usage.FreeBytes < 0 || usage.FreeBytes > usage.TotalBytes {
			t.Errorf("%+v, %v", usage, err)
		}
	})
}

func TestFdReadsTheFile(t *testing.T) {
	f, err := OS.Create(filepath.Join(t.TempDir(), "file"))
	must(t, err)
	defer f.Close()
	if fd, ok := f.Fd(); !ok || fd == 0 {
		t.Errorf("the descriptor is %d, %v", fd, ok)
	}
	m := NewMem()
	put(t, m, "/file", "x")
	g, err := m.Open("/file")
	must(t, err)
	if _, ok := g.Fd(); ok {
		t.Error("a file in memory has a descriptor")
	}
}

func TestWriteDoesNotKeepTheBuffer(t *testing.T) {
	everywhere(t, func(t *testing.T, fsys FS, dir string) {
		f, err := fsys.Create(dir + "/file")
		must(t, err)
		defer f.Close()
		buffer := []byte("first")
		_, err = f.WriteAt(buffer, 0)
		must(t, err)
		copy(buffer, "other")
		if got := get(t, fsys, dir+"/file"); !bytes.Equal([]byte(got), []byte("first")) {
			t.Errorf("the file has %q", got)
		}
	})
}
