package storage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"ottla.dev/ottla/internal/vfs"
)

// countingFS counts the files that are open, and fails what is done with one that is not.
type countingFS struct {
	vfs.FS
	open atomic.Int32
}

type countedFile struct {
	vfs.File
	fs     *countingFS
	closed atomic.Bool
}

func (c *countingFS) OpenReadWrite(name string) (vfs.File, error) {
	f, err := c.FS.OpenReadWrite(name)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return &countedFile{File: f, fs: c}, nil
}

func (f *countedFile) Close() error {
	if f.closed.Swap(true) {
		return errors.New("closed twice")
	}
	f.fs.open.Add(-1)
	return f.File.Close()
}

func (f *countedFile) Size() (int64, error) {
	if f.closed.Load() {
		return 0, errors.New("used after it was closed")
	}
	return f.File.Size()
}

// newCachedFiles returns files that exist, and a cache for them.
func newCachedFiles(t *testing.T, number, maxOpen int) (*countingFS, *fileCache, []*cachedFile) {
	t.Helper()
	fs := &countingFS{FS: vfs.NewMem()}
	files := make([]*cachedFile, number)
	for i := range files {
		name := fmt.Sprint("/", i)
		f, err := fs.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		files[i] = &cachedFile{path: func() string { return name }}
	}
	return fs, newFileCache(fs, maxOpen), files
}

// TestFilesInUseStayOpen: whoever has a file can use it until it gives it back, while others have it closed to make room, or for good.
func TestFilesInUseStayOpen(t *testing.T) {
	fs, cache, files := newCachedFiles(t, 8, 2)
	var users sync.WaitGroup
	for user := range 6 {
		users.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(user)))
			for step := range 3000 {
				c := files[random.IntN(len(files))]
				if step == 2900 && user < 3 {
					files[user].close(cache)
				}
				file, err := c.acquire(cache)
				if errors.Is(err, ErrClosed) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := file.Size(); err != nil {
					t.Error(err)
				}
				c.release()
			}
		})
	}
	users.Wait()
	if n := int(fs.open.Load()); n != cache.open() {
		t.Errorf("%d files are open, the cache knows of %d", n, cache.open())
	}
	for _, c := range files {
		c.close(cache)
	}
	if n := fs.open.Load(); n != 0 || cache.open() != 0 {
		t.Errorf("%d files stay open, the cache knows of %d", n, cache.open())
	}
}

// TestLastReferenceClosesForGood: a file that is closed for good while it is used goes with its last user, and never comes back.
func TestLastReferenceClosesForGood(t *testing.T) {
	fs, cache, files := newCachedFiles(t, 1, 1)
	c := files[0]
	for range 2 {
		if _, err := c.acquire(cache); err != nil {
			t.Fatal(err)
		}
	}
	c.close(cache)
	c.release()
	if file, err := c.acquire(cache); err != nil {
		t.Errorf("a file that somebody uses: %v", err)
	} else if _, err := file.Size(); err != nil {
		t.Error(err)
	}
	c.release()
	if n := fs.open.Load(); n != 1 {
		t.Errorf("%d files are open, one is used", n)
	}
	if c.release(); fs.open.Load() != 0 {
		t.Error("the file stays open without a user")
	}
	if _, err := c.acquire(cache); !errors.Is(err, ErrClosed) {
		t.Errorf("after that: %v", err)
	}
}
