// Package storage is the kafka-storage tool: it prepares the log directories of a node and tells what is in them. Ottla
// itself needs no formatting; the tool is there for scripts that do it, and leaves what Apache's tool leaves.
package storage

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/config/storageformat"
	"ottla.dev/ottla/internal/vfs"
)

// Tool is kafka-storage.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-storage", Short: "Format log directories and show what is in them", Run: run}
}

// command is one run of the tool.
type command struct {
	tool.IO
	fs  vfs.FS
	now func() time.Time
}

// subcommand is what the first argument names.
type subcommand struct {
	name, doc string
	run       func(c *command, doc string, args []string) (int, error)
}

func subcommands() []subcommand {
	return []subcommand{
		{"info", "Tell what is in the log directories of this node.", (*command).info},
		{"format", "Prepare the log directories of this node.", (*command).format},
		{"version-mapping", "Show which feature levels belong to a release; the newest if none is named.", (*command).versionMapping},
		{"feature-dependencies", "Show what feature levels need.", (*command).featureDependencies},
		{"random-uuid", "Print a random id.", (*command).randomUUID},
	}
}

func run(_ context.Context, s tool.IO, args []string) int {
	c := &command{IO: s, fs: vfs.OS, now: time.Now}
	code, err := c.main(args)
	if err != nil {
		return tool.Finish(s, nil, err)
	}
	return code
}

func (c *command) main(args []string) (int, error) {
	args, err := expandFiles(args)
	if err != nil {
		return 0, err
	}
	names := make([]string, len(subcommands()))
	for i, sub := range subcommands() {
		names[i] = sub.name
	}
	usage := "usage: kafka-storage [-h] {" + strings.Join(names, ",") + "} ..."
	switch {
	case len(args) == 0:
		return 0, tool.Fail("%s\nkafka-storage: error: too few arguments", usage)
	case args[0] == "-h" || args[0] == "--help":
		c.Printf("%s\n\nPrepares the log directories of a node and tells what is in them.\n\n", usage)
		for _, sub := range subcommands() {
			c.Printf("  %-22s %s\n", sub.name, sub.doc)
		}
		return 0, nil
	case strings.HasPrefix(args[0], "-"):
		return 0, tool.Fail("%s\nkafka-storage: error: unrecognized arguments: '%s'", usage, args[0])
	}
	for _, sub := range subcommands() {
		if sub.name == args[0] {
			return sub.run(c, sub.doc, args[1:])
		}
	}
	return 0, tool.Fail("%s\nkafka-storage: error: invalid choice: '%s' (choose from '%s')", usage, args[0], strings.Join(names, "', '"))
}

// expandFiles replaces "@file" by the file's lines.
func expandFiles(args []string) ([]string, error) {
	var expanded []string
	for _, arg := range args {
		name, ok := strings.CutPrefix(arg, "@")
		if !ok {
			expanded = append(expanded, arg)
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		expanded = append(expanded, strings.Split(strings.TrimRight(string(text), "\n"), "\n")...)
	}
	return expanded, nil
}

// parser starts the parser of a subcommand.
func parser(name, doc string) *tool.Parser { return tool.NewArgParser("kafka-storage "+name, doc, 0) }

// nodeConfig is what the tool needs of a node's configuration file.
type nodeConfig struct {
	*config.Snapshot
	directories []string // sorted, each once
	metadataDir string
}

func loadConfig(file string) (*nodeConfig, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s, _, err := config.Load(config.LoadOptions{FileName: file, File: text})
	if err != nil {
		return nil, err
	}
	n := &nodeConfig{Snapshot: s}
	for _, dir := range s.LogDirs() {
		n.directories = append(n.directories, filepath.Clean(dir))
	}
	n.metadataDir = n.directories[0]
	if !s.IsNull("metadata.log.dir") {
		n.metadataDir = filepath.Clean(s.String("metadata.log.dir"))
		n.directories = append(n.directories, n.metadataDir)
	}
	slices.Sort(n.directories)
	n.directories = slices.Compact(n.directories)
	return n, nil
}

func (c *command) versionMapping(doc string, args []string) (int, error) {
	p := parser("version-mapping", doc)
	release := p.String("release-version", "", "The release; the newest if absent.")
	p.Alias(release, "r")
	o, err := p.Parse(args)
	if err != nil {
		return 0, err
	}
	asked := o.String(release)
	if asked == "" {
		asked = storageformat.LatestProduction().Name
	}
	version, err := storageformat.ParseMetadataVersion(asked, true)
	if err != nil {
		return 0, err
	}
	c.Printf("metadata.version=%d (%s)\n", version.Level, asked)
	for _, f := range storageformat.Features() {
		c.Printf("%s=%d\n", f.Name, f.DefaultLevel(version))
	}
	return 0, nil
}

func (c *command) featureDependencies(doc string, args []string) (int, error) {
	p := parser("feature-dependencies", doc)
	feature := p.String("feature", "", "A feature and its level, such as group.version=1; may be repeated.").Required().Repeated()
	p.Alias(feature, "f")
	o, err := p.Parse(args)
	if err != nil {
		return 0, err
	}
	for _, arg := range o.Strings(feature) {
		if err := c.dependenciesOf(arg); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func (c *command) dependenciesOf(arg string) error {
	name, text, ok := strings.Cut(arg, "=")
	if !ok {
		return tool.Fail("Invalid feature format: %s. Expected format: 'feature=version' (e.g. 'group.version=1')", arg)
	}
	name, text = strings.TrimSpace(name), strings.TrimSpace(text)
	level, err := strconv.ParseInt(text, 10, 16)
	if err != nil {
		return tool.Fail("Invalid version format: %s for feature %s", text, name)
	}
	if name == "metadata.version" {
		version, err := storageformat.MetadataVersionOf(int16(level))
		if err != nil {
			return tool.Fail("Unknown metadata.version %d", level)
		}
		c.Printf("%s=%d (%s) has no dependencies.\n", name, level, version)
		return nil
	}
	feature, ok := storageformat.FeatureByName(name)
	if !ok {
		return tool.Fail("Unknown feature: %s", name)
	}
	declared, err := feature.Find(int16(level))
	if err != nil {
		return tool.Fail("Feature level %d is not supported for feature %s", level, name)
	}
	if declared.Metadata == 0 {
		c.Printf("%s=%d has no dependencies.\n", name, level)
		return nil
	}
	version, err := storageformat.MetadataVersionOf(declared.Metadata)
	if err != nil {
		return err
	}
	c.Printf("%s=%d requires:\n    metadata.version=%d (%s)\n", name, level, version.Level, version)
	return nil
}

func (c *command) randomUUID(doc string, args []string) (int, error) {
	if _, err := parser("random-uuid", doc).Parse(args); err != nil {
		return 0, err
	}
	c.Println(storageformat.NewUUID())
	return 0, nil
}
