package tool

import (
	"errors"
	"fmt"
	"io"

	"ottla.dev/ottla/internal/vfs"
)

// ReadFile reads a whole file of at most maxBytes.
func ReadFile(fs vfs.FS, name string, maxBytes int64) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > maxBytes {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that such a file may have", name, size, maxBytes)
	}
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data[:n], nil
}
