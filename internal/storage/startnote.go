package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/vfs"
)

// StartNote is a file in a log directory in which a start of the broker leaves for the next one what tells the end of a process from the end of
// the machine, and what the last end of the machine has left to do.
type StartNote struct {
	// BootID names the time for which the machine was up when the directory was opened; empty: not known.
	BootID string
	// Flushed: whatever was acknowledged since then was on stable storage.
	Flushed bool
	// LostBelow: producer ids below this one were given out before the machine went down, and the transaction coordinator may have forgotten some of
	// what they did.
	LostBelow int64
	// Unfinished: what the machine's end has left open in partitions is not all ended yet.
	Unfinished bool
}

// ReadStartNote reads a log directory's note. One that is missing says nothing; nor does one that cannot be understood, which is ErrCorrupt.
func ReadStartNote(fsys vfs.FS, dir string) (n StartNote, err error) {
	name := join(dir, startNoteName)
	data, err := readFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return StartNote{}, nil
	}
	if err != nil {
		return StartNote{}, err
	}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "boot.id":
			n.BootID = value
		case "flushed":
			n.Flushed, err = strconv.ParseBool(value)
		case "lost.below.producer.id":
			n.LostBelow, err = strconv.ParseInt(value, 10, 64)
		case "unfinished":
			n.Unfinished, err = strconv.ParseBool(value)
		}
		if err != nil {
			return StartNote{}, fmt.Errorf("%w: %s: %s: %w", ErrCorrupt, name, key, err)
		}
	}
	return n, nil
}

// WriteStartNote replaces the note, durably.
func WriteStartNote(fs vfs.FS, dir string, n StartNote) error {
	text := fmt.Sprintf("boot.id=%s\nflushed=%t\nlost.below.producer.id=%d\nunfinished=%t\n", n.BootID, n.Flushed, n.LostBelow, n.Unfinished)
	return replaceFile(fs, dir, startNoteName, []byte(text), synced)
}

// Recovered returns the directories that were not closed in order before, and hold partitions.
func (m *Manager) Recovered() (dirs []string) {
	for _, d := range m.dirs {
		if d.recovered {
			dirs = append(dirs, d.path)
		}
	}
	return dirs
}
