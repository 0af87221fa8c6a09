package storage

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"

	"ottla.dev/ottla/internal/config/storageformat"
)

// info tells what is in the log directories. Its exit code is 1 if anything is wrong with them.
func (c *command) info(doc string, args []string) (int, error) {
	p := parser("info", doc)
	file := p.String("config", "CONFIG", "The configuration file.").Required()
	p.Alias(file, "c")
	o, err := p.Parse(args)
	if err != nil {
		return 0, err
	}
	node, err := loadConfig(o.String(file))
	if err != nil {
		return 0, err
	}
	var found, problems []string
	var first *storageformat.MetaProperties
	for _, dir := range node.directories {
		exists, problem := c.checkDirectory(dir)
		if exists {
			found = append(found, dir)
		}
		if problem != "" {
			problems = append(problems, problem)
			continue
		}
		meta, err := c.readMeta(dir)
		switch {
		case err != nil:
			problems = append(problems, "Error loading "+metaPath(dir)+": "+err.Error())
		case first == nil:
			first = &meta
		case first.ClusterID != meta.ClusterID:
			problems = append(problems, "Mismatched cluster IDs between storage directories.")
		case first.NodeID != meta.NodeID:
			problems = append(problems, "Mismatched node IDs between storage directories.")
		}
	}
	if first != nil && first.Version == 0 {
		problems = append(problems, "The kafka configuration file appears to be for a cluster in KRaft mode, but the directories are formatted for legacy mode.")
	}
	c.printInfo(found, first, problems)
	if len(problems) > 0 {
		return 1, nil
	}
	return 0, nil
}

func metaPath(dir string) string { return filepath.Join(dir, storageformat.MetaPropertiesFile) }

// checkDirectory tells whether a directory is there, and what is wrong with it before its meta.properties is read.
func (c *command) checkDirectory(dir string) (exists bool, problem string) {
	info, err := c.fs.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, dir + " does not exist"
	case err != nil:
		return false, err.Error()
	case !info.IsDir:
		return false, dir + " is not a directory"
	}
	if _, err := c.fs.Stat(metaPath(dir)); errors.Is(err, fs.ErrNotExist) {
		return true, dir + " is not formatted."
	}
	return true, ""
}

func (c *command) printInfo(found []string, meta *storageformat.MetaProperties, problems []string) {
	list := func(one, many string, lines []string) {
		switch len(lines) {
		case 0:
			return
		case 1:
			c.Println(one)
		default:
			c.Println(many)
		}
		for _, line := range lines {
			c.Println("  " + line)
		}
		c.Println()
	}
	list("Found log directory:", "Found log directories:", found)
	if meta != nil {
		c.Printf("Found metadata: {%s}\n\n", metaText(*meta))
	}
	list("Found problem:", "Found problems:", problems)
}

// metaText writes the properties sorted by name.
func metaText(m storageformat.MetaProperties) string {
	node := strconv.Itoa(int(m.NodeID))
	if m.Version == 0 {
		text := "broker.id=" + node
		if m.ClusterID != "" {
			text += ", cluster.id=" + m.ClusterID
		}
		return text + ", version=0"
	}
	text := "cluster.id=" + m.ClusterID
	if m.DirectoryID != "" {
		text += ", directory.id=" + m.DirectoryID
	}
	return text + ", node.id=" + node + ", version=1"
}
