package storage

import (
	"sync"

	"ottla.dev/ottla/internal/vfs"
)

// fileCache bounds how many files are open at once. A file that has not been used for the longest time (more or less:
// the clock algorithm) is closed and opened again when it is wanted. Files in use are never closed, so the bound can be
// exceeded by what is read at one moment.
type fileCache struct {
	fs      vfs.FS
	maxOpen int

	mu   sync.Mutex // taken after a cachedFile's; another cachedFile's is only tried under it
	ring []*cachedFile
	hand int
}

func newFileCache(fs vfs.FS, maxOpen int) *fileCache {
	return &fileCache{fs: fs, maxOpen: maxOpen}
}

// cachedFile is a file that is open only now and then. The zero value with path set is ready.
type cachedFile struct {
	path func() string // asked at each opening: a segment's files are renamed when it is deleted

	mu     sync.Mutex // guards the rest
	file   vfs.File
	refs   int32
	used   bool // since the clock's hand last passed
	closed bool // for good
}

// acquire returns the open file; release must follow. It works as long as references are held, even if the file is
// removed or closed for good meanwhile.
func (c *cachedFile) acquire(cache *fileCache) (file vfs.File, err error) {
	c.mu.Lock()
	if c.file == nil {
		err = c.open(cache)
	}
	if err == nil {
		c.refs++
		c.used = true
		file = c.file
	}
	c.mu.Unlock()
	return file, err
}

func (c *cachedFile) open(cache *fileCache) error {
	if c.closed {
		return ErrClosed
	}
	file, err := cache.fs.OpenReadWrite(c.path())
	if err != nil {
		return err
	}
	c.attach(cache, file)
	return nil
}

// adopt hands a file over that the caller has just opened or created.
func (c *cachedFile) adopt(cache *fileCache, file vfs.File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attach(cache, file)
}

func (c *cachedFile) attach(cache *fileCache, file vfs.File) {
	c.file, c.used = file, true
	cache.mu.Lock()
	defer cache.mu.Unlock()
	cache.evict()
	cache.ring = append(cache.ring, c)
}

func (c *cachedFile) release() {
	c.mu.Lock()
	c.refs--
	if c.refs == 0 && c.closed && c.file != nil {
		c.file.Close()
		c.file = nil
	}
	c.mu.Unlock()
}

// close closes the file for good, at once or with the last reference.
func (c *cachedFile) close(cache *fileCache) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.file == nil {
		return
	}
	cache.forget(c)
	if c.refs == 0 {
		c.file.Close()
		c.file = nil
	}
}

func (cache *fileCache) forget(c *cachedFile) {
	cache.mu.Lock()
	defer cache.mu.Unlock()
	for i, other := range cache.ring {
		if other == c {
			cache.removeAt(i)
			return
		}
	}
}

func (cache *fileCache) removeAt(i int) {
	last := len(cache.ring) - 1
	cache.ring[i] = cache.ring[last]
	cache.ring[last] = nil
	cache.ring = cache.ring[:last]
}

// evict closes files until there is room for one more, or each has had its second chance.
func (cache *fileCache) evict() {
	for tries := 2 * len(cache.ring); tries > 0 && len(cache.ring) >= cache.maxOpen; tries-- {
		if cache.hand >= len(cache.ring) {
			cache.hand = 0
		}
		c := cache.ring[cache.hand]
		if !c.mu.TryLock() { // in use right now
			cache.hand++
			continue
		}
		switch {
		case c.refs > 0:
			cache.hand++
		case c.used:
			c.used = false
			cache.hand++
		default:
			c.file.Close()
			c.file = nil
			cache.removeAt(cache.hand)
		}
		c.mu.Unlock()
	}
}

// open returns how many files are open.
func (cache *fileCache) open() int {
	cache.mu.Lock()
	defer cache.mu.Unlock()
	return len(cache.ring)
}
