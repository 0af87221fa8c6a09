package storageformat

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ottla.dev/ottla/internal/config"
)

// MetaProperties is what meta.properties says: to which cluster and node a data directory belongs.
type MetaProperties struct {
	Version     int    // 1; 0 in directories of ZooKeeper times
	ClusterID   string // "" only in version 0
	NodeID      int32  // -1 only in version 0
	DirectoryID string // "" where an older Kafka wrote the file
}

// ParseMetaProperties reads the file.
func ParseMetaProperties(file []byte) (MetaProperties, error) {
	entries, err := config.ParseProperties(file)
	if err != nil {
		return MetaProperties{}, err
	}
	values := map[string]string{}
	for _, e := range entries {
		values[e.Key] = e.Value
	}
	p := MetaProperties{NodeID: -1, ClusterID: values["cluster.id"]}
	switch v := values["version"]; v {
	case "1":
		p.Version = 1
	case "0", "":
	default:
		return p, fmt.Errorf("unknown version %q of meta.properties", v)
	}
	nodeKey := "node.id"
	if p.Version == 0 {
		nodeKey = "broker.id"
	}
	if text, ok := values[nodeKey]; ok {
		id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
		if err != nil {
			return p, fmt.Errorf("%s of meta.properties is no number: %q", nodeKey, text)
		}
		p.NodeID = int32(id)
	}
	if p.DirectoryID = values["directory.id"]; p.DirectoryID != "" {
		if _, err := ParseUUID(p.DirectoryID); err != nil {
			return p, fmt.Errorf("directory.id of meta.properties: %w", err)
		}
	}
	if p.Version == 1 && p.ClusterID == "" {
		return p, errors.New("cluster.id was not found in meta.properties")
	}
	if p.Version == 1 && p.NodeID < 0 {
		return p, errors.New("node.id was not found in meta.properties")
	}
	return p, nil
}

// Format returns the file in version 1, with a time in its comment as Kafka writes it.
func (p MetaProperties) Format(now time.Time) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "#\n#%s\n", now.UTC().Format("Mon Jan 02 15:04:05 MST 2006"))
	fmt.Fprintf(&b, "node.id=%d\n", p.NodeID)
	if p.DirectoryID != "" {
		fmt.Fprintf(&b, "directory.id=%s\n", p.DirectoryID)
	}
	fmt.Fprintf(&b, "version=1\ncluster.id=%s\n", escapeValue(p.ClusterID))
	return []byte(b.String())
}

// escapeValue writes a value so that ParseProperties reads it again.
func escapeValue(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\\' || r == '#' || r == '!' || r == '=' || r == ':' || r == ' ' && i == 0:
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r > '~':
			if r > 0xffff {
				r = '?'
			}
			fmt.Fprintf(&b, "\\u%04X", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
