package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ottla.dev/ottla/internal/metadata/kraft"
)

// markFile lies in the directory of Ottla's metadata and says how Kafka's metadata log was when it was taken over. Should Apache Kafka run
// on the directories afterwards, both would go on from there, each without the other's changes.
const markFile = "taken-over-from"

// markOf describes Kafka's metadata log in dir by its newest files: a controller that runs writes twice a second.
func markOf(dir string) (string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, kraft.LogDir))
	if err != nil {
		return "", err
	}
	var snapshot, segment string // the last by name is the newest
	var bytes int64
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".checkpoint":
			snapshot = e.Name()
		case ".log":
			info, err := e.Info()
			if err != nil {
				return "", err
			}
			segment, bytes = e.Name(), info.Size()
		}
	}
	return fmt.Sprintf("snapshot %q, segment %q of %d bytes", snapshot, segment, bytes), nil
}

// writeMark remembers how Kafka's metadata log is: its files, which are quick to compare, and what it comes to.
func writeMark(dir string, state *kraft.State) error {
	files, err := markOf(dir)
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(dir, metadataDir, markFile), []byte(files+"\n"+state.Digest()+"\n"))
}

// checkMark refuses directories on which Apache Kafka has run since their metadata was taken over. A start of it that failed (as it does
// beside Ottla's metadata in the same directory) leaves only records of the controller, and is forgiven.
func checkMark(dir string) error {
	name := filepath.Join(dir, metadataDir, markFile)
	mark, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	before, digest, _ := strings.Cut(strings.TrimSpace(string(mark)), "\n")
	now, err := markOf(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && now == before {
		return nil
	}
	if err != nil {
		return err
	}
	if log, err := readMetadataLog(dir); err == nil && log.State.Digest() == digest {
		return writeMark(dir, log.State)
	}
	return fmt.Errorf("since Ottla took %s over, Apache Kafka has run on it (its metadata log was %s, and is %s): each has changes that the other does not know. "+
		"To go on with Apache Kafka's topics, move %s away; to go on with Ottla's, remove %s. To change over without this, use `ottla debug metadata export`",
		dir, before, now, filepath.Join(dir, metadataDir), name)
}
