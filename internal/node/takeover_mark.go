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

// writeMark remembers how Kafka's metadata log is.
func writeMark(dir string) error {
	mark, err := markOf(dir)
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(dir, metadataDir, markFile), []byte(mark+"\n"))
}

// checkMark refuses directories on which Apache Kafka has run since their metadata was taken over.
func checkMark(dir string) error {
	name := filepath.Join(dir, metadataDir, markFile)
	before, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	now, err := markOf(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && now == strings.TrimSpace(string(before)) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("since Ottla took %s over, Apache Kafka has run on it (its metadata log was %s, and is %s): each has changes that the other does not know. "+
		"To go on with Apache Kafka's topics, move %s away; to go on with Ottla's, remove %s. To change over without this, use `ottla debug metadata export`",
		dir, strings.TrimSpace(string(before)), now, filepath.Join(dir, metadataDir), name)
}
