package storage

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"ottla.dev/ottla/internal/vfs"
)

// MetaProperties is the file meta.properties: whose a log directory is.
type MetaProperties struct {
	Version     int
	ClusterID   string
	NodeID      int32 // -1: not said
	DirectoryID [16]byte
}

// ReadMetaProperties reads a log directory's meta.properties.
func ReadMetaProperties(fs vfs.FS, dir string) (MetaProperties, error) {
	name := join(dir, metaPropertiesName)
	data, err := readFile(fs, name)
	if err != nil {
		return MetaProperties{}, err
	}
	p := MetaProperties{NodeID: -1}
	for line := range strings.Lines(string(data)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if err := p.set(key, value); err != nil {
			return MetaProperties{}, fmt.Errorf("%w: %s: %s: %w", ErrCorrupt, name, key, err)
		}
	}
	if p.Version != 0 && p.Version != 1 {
		return MetaProperties{}, fmt.Errorf("%w: %s: unknown version %d", ErrCorrupt, name, p.Version)
	}
	return p, nil
}

func (p *MetaProperties) set(key, value string) (err error) {
	switch key {
	case "version":
		p.Version, err = strconv.Atoi(value)
	case "cluster.id":
		p.ClusterID = value
	case "node.id", "broker.id": // version 0 said broker.id
		var n int64
		n, err = strconv.ParseInt(value, 10, 32)
		p.NodeID = int32(n)
	case "directory.id":
		p.DirectoryID, err = ParseID(value)
	}
	return err
}

func writeMetaProperties(fs vfs.FS, dir string, p MetaProperties) error {
	text := fmt.Sprintf("#\nversion=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n", p.ClusterID, p.NodeID, FormatID(p.DirectoryID))
	return replaceFile(fs, dir, metaPropertiesName, []byte(text), synced)
}

// readPartitionMetadata returns the topic id of a partition's directory; false if the file is missing.
func readPartitionMetadata(fsys vfs.FS, dir string) (id [16]byte, ok bool, err error) {
	name := join(dir, partitionMetadataName)
	data, err := readFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return id, false, nil
	}
	if err != nil {
		return id, false, err
	}
	version := ""
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "version":
			version = strings.TrimSpace(value)
		case "topic_id":
			id, err = ParseID(strings.TrimSpace(value))
			ok = err == nil
		}
	}
	if version != "0" || !ok {
		return id, false, fmt.Errorf("%w: %s does not hold a topic id", ErrCorrupt, name)
	}
	return id, true, nil
}

func writePartitionMetadata(fs vfs.FS, dir string, id [16]byte, want durability) error {
	return replaceFile(fs, dir, partitionMetadataName, []byte("version: 0\ntopic_id: "+FormatID(id)+"\n"), want)
}

// FormatID returns Kafka's text form of a topic, directory or cluster id.
func FormatID(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseID reads the form that FormatID returns.
func ParseID(text string) (id [16]byte, err error) {
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(data) != len(id) {
		return id, fmt.Errorf("%q is no id: it needs 22 characters of base64url", text)
	}
	return [16]byte(data), nil
}

// NewID returns a random id, never one that Kafka keeps for itself (0 to 99) nor one whose text begins with a dash, which
// command lines take for an option.
func NewID() [16]byte {
	for {
		id := [16]byte(uuid.New())
		if FormatID(id)[0] != '-' {
			return id
		}
	}
}
