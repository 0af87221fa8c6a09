package storage

import (
	"fmt"
	"io"
	"path/filepath"
)

// maxFileBytes bounds what is read: the files of this tool are a few hundred bytes long.
const maxFileBytes = 1 << 20

func (c *command) readFile(name string) ([]byte, error) {
	f, err := c.fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > maxFileBytes {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that such a file may have", name, size, maxFileBytes)
	}
	text := make([]byte, size)
	if _, err := f.ReadAt(text, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return text, nil
}

// writeFile makes a file durable under its name at once: there is the whole file or none.
func (c *command) writeFile(name string, text []byte) error {
	dir := filepath.Dir(name)
	if err := c.fs.MkdirAll(dir); err != nil {
		return err
	}
	draft := name + ".tmp"
	f, err := c.fs.Create(draft)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = c.fs.Rename(draft, name)
	}
	if err != nil {
		return err
	}
	return c.fs.SyncDir(dir)
}
