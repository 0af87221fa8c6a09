package storage

import "path/filepath"

// maxFileBytes bounds what is read: the files of this tool are a few hundred bytes long.
const maxFileBytes = 1 << 20

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
