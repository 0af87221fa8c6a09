package storage

import (
	"sync"
	"sync/atomic"

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

	holders atomic.Int32 // one more than the references to the open file; 0: it is not open. Only who holds mu takes it to 0 and from there
	used    atomic.Bool  // since the clock's hand last passed
	closed  atomic.Bool  // for good; set under mu

	mu   sync.Mutex // held while the file is opened and closed
	file vfs.File   // not changed while holders is not 0
}

// acquire returns the open file; release must follow. It works as long as references are held, even if the file is
// removed or closed for good meanwhile. A file that is open costs no lock.
func (c *cachedFile) acquire(cache *fileCache) (vfs.File, error) {
	if !c.hold() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.hold() {
			if err := c.open(cache); err != nil {
				return nil, err
			}
			c.holders.Add(1)
		}
	}
	raise(&c.used)
	return c.file, nil
}

// hold takes a reference if the file is open.
func (c *cachedFile) hold() bool {
	for n := c.holders.Load(); n > 0; n = c.holders.Load() {
		if c.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

func (c *cachedFile) open(cache *fileCache) error {
	if c.closed.Load() {
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
	c.file = file
	c.used.Store(true)
	c.holders.Store(1)
	cache.mu.Lock()
	defer cache.mu.Unlock()
	cache.evict()
	cache.ring = append(cache.ring, c)
}

func (c *cachedFile) release() {
	if c.holders.Add(-1) == 1 && c.closed.Load() {
		c.mu.Lock()
		c.shut()
		c.mu.Unlock()
	}
}

// close closes the file for good, at once or with the last reference.
func (c *cachedFile) close(cache *fileCache) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed.Store(true) // before the references are counted: one that goes meanwhile sees it
	if c.file == nil {
		return
	}
	cache.forget(c)
	c.shut()
}

// shut closes the file if it is open and nobody has a reference. The caller holds mu.
func (c *cachedFile) shut() bool {
	if !c.holders.CompareAndSwap(1, 0) {
		return false
	}
	c.file.Close()
	c.file = nil
	return true
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
		if !c.used.Swap(false) && c.shut() {
			cache.removeAt(cache.hand)
		} else {
			cache.hand++
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
