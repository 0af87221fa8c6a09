package tool

import (
	"testing"

	"ottla.dev/ottla/internal/vfs"
)

func TestReadFileIsBounded(t *testing.T) {
	fs := vfs.NewMem()
	f, err := fs.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("four"), 0); err != nil {
		t.Fatal(err)
	}
	if data, err := ReadFile(fs, "a", 4); err != nil || string(data) != "four" {
		t.Errorf("read %q: %v", data, err)
	}
	if data, err := ReadFile(fs, "a", 3); err == nil {
		t.Errorf("more than was allowed: %q", data)
	}
}
