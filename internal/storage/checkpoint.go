package storage

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/vfs"
)

// checkpointVersion is the first line of every checkpoint file.
const checkpointVersion = 0

// maxSmallFileBytes bounds what is read of files that are read whole.
const maxSmallFileBytes = 256 << 20

// readFile returns the contents of a small file.
func readFile(fs vfs.FS, name string) ([]byte, error) {
	file, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	if size > maxSmallFileBytes {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrCorrupt, name, size)
	}
	data := make([]byte, size)
	return data, readFull(file, data, 0)
}

// durability says how much of a file's replacement survives a power cut.
type durability int

const (
	unsynced       durability = iota // the process may die, the machine may not
	contentsSynced                   // the contents are on stable storage; the caller sees to the name
	synced                           // the contents and the name are on stable storage
)

// replaceFile writes a file under a temporary name and gives it its own.
func replaceFile(fs vfs.FS, dir, name string, data []byte, want durability) error {
	tmp := join(dir, name+tmpSuffix)
	file, err := fs.Create(tmp)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		_, err = file.WriteAt(data, 0)
	}
	if err == nil && want != unsynced {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, ignoreMissing(fs.Remove(tmp)))
	}
	if err := fs.Rename(tmp, join(dir, name)); err != nil {
		return err
	}
	if want == synced {
		return unsyncedError(fs.SyncDir(dir))
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ReadOffsetCheckpoint reads one of the checkpoint files of a log directory: an offset for each partition.
func ReadOffsetCheckpoint(fs vfs.FS, name string) (map[TopicPartition]int64, error) {
	offsets := map[TopicPartition]int64{}
	err := readCheckpoint(fs, name, func(fields []string) error {
		if len(fields) != 3 {
			return errors.New("a line needs topic, partition and offset")
		}
		partition, err1 := strconv.ParseInt(fields[1], 10, 32)
		offset, err2 := strconv.ParseInt(fields[2], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		offsets[TopicPartition{fields[0], int32(partition)}] = offset
		return nil
	})
	return offsets, err
}

// writeOffsetCheckpoint replaces a checkpoint file.
func writeOffsetCheckpoint(fs vfs.FS, dir, name string, offsets map[TopicPartition]int64) error {
	keys := make([]TopicPartition, 0, len(offsets))
	for tp := range offsets {
		keys = append(keys, tp)
	}
	sort.Slice(keys, func(i, j int) bool {
		if keys[i].Topic != keys[j].Topic {
			return keys[i].Topic < keys[j].Topic
		}
		return keys[i].Partition < keys[j].Partition
	})
	data := appendCheckpointHead(nil, len(keys))
	for _, tp := range keys {
		data = append(append(data, tp.Topic...), ' ')
		data = append(strconv.AppendInt(data, int64(tp.Partition), 10), ' ')
		data = append(strconv.AppendInt(data, offsets[tp], 10), '\n')
	}
	return replaceFile(fs, dir, name, data, synced)
}

// EpochEntry says where in a log a leader epoch begins.
type EpochEntry struct {
	Epoch       int32
	StartOffset int64
}

// ReadEpochCheckpoint reads a partition's leader-epoch-checkpoint.
func ReadEpochCheckpoint(fs vfs.FS, name string) ([]EpochEntry, error) {
	var entries []EpochEntry
	err := readCheckpoint(fs, name, func(fields []string) error {
		if len(fields) != 2 {
			return errors.New("a line needs epoch and offset")
		}
		epoch, err1 := strconv.ParseInt(fields[0], 10, 32)
		offset, err2 := strconv.ParseInt(fields[1], 10, 64)
		entries = append(entries, EpochEntry{int32(epoch), offset})
		return errors.Join(err1, err2)
	})
	return entries, err
}

func writeEpochCheckpoint(fs vfs.FS, dir string, entries []EpochEntry, want durability) error {
	data := appendCheckpointHead(nil, len(entries))
	for _, e := range entries {
		data = append(strconv.AppendInt(data, int64(e.Epoch), 10), ' ')
		data = append(strconv.AppendInt(data, e.StartOffset, 10), '\n')
	}
	return replaceFile(fs, dir, epochCheckpointName, data, want)
}

func appendCheckpointHead(data []byte, lines int) []byte {
	data = append(strconv.AppendInt(data, checkpointVersion, 10), '\n')
	return append(strconv.AppendInt(data, int64(lines), 10), '\n')
}

// readCheckpoint reads a file of a version line, a count line and that many lines of fields. What does not parse is
// ErrCorrupt.
func readCheckpoint(fs vfs.FS, name string, line func(fields []string) error) error {
	data, err := readFile(fs, name)
	if err != nil {
		return err
	}
	reader := bufio.NewReader(bytes.NewReader(data))
	malformed := func(number int, err error) error {
		return fmt.Errorf("%w: %s line %d: %w", ErrCorrupt, name, number, err)
	}
	number := func() (int, error) {
		text, err := reader.ReadString('\n')
		if err != nil && (err != io.EOF || text == "") {
			return 0, io.ErrUnexpectedEOF
		}
		return strconv.Atoi(strings.TrimSpace(text))
	}
	version, err := number()
	if err != nil {
		return malformed(1, err)
	}
	if version != checkpointVersion {
		return malformed(1, fmt.Errorf("unknown version %d", version))
	}
	count, err := number()
	if err != nil {
		return malformed(2, err)
	}
	lines := 0
	for {
		text, err := reader.ReadString('\n')
		if fields := strings.Fields(text); len(fields) > 0 {
			lines++
			if lines > count {
				return malformed(lines+2, fmt.Errorf("there are more than the declared %d lines", count))
			}
			if err := line(fields); err != nil {
				return malformed(lines+2, err)
			}
		}
		if err == io.EOF {
			break
		}
	}
	if lines != count {
		return malformed(lines+2, fmt.Errorf("there are %d lines where %d are declared", lines, count))
	}
	return nil
}
