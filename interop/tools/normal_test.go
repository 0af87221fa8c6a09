//go:build interop

package tools

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

var (
	// noise are lines of Apache's logging, of Java's stack traces, and our word for what Apache logs.
	noise = regexp.MustCompile(`^(\[20\d\d-.*|\s+at .*|Caused by: .*|\s*\.\.\. \d+ (more|common frames omitted)|(java|joptsimple|org\.apache|com\.fasterxml|kafka)\.[\w.$]+(:.*)?|\s+\(org\.apache\S*|WARN New offset .*|\s*)$`)
	// uncaught is how Java starts an error that nobody caught.
	uncaught = regexp.MustCompile(`^Exception in thread "main" [\w.$]+: `)
	// ids are what differs from run to run.
	ids = regexp.MustCompile(`TopicId: \S{22}|directory\.id=\S{22}|[0-9a-f]{8}-[0-9a-f-]{27}`)
	// anyOrder is where Apache's tools print sets, in an order of their own.
	anyOrder = regexp.MustCompile(`(Valid (?:states|types) are: |one of the following scenarios: |Option combination |takes one of these options: |takes the following options: |Unexpected config names: ).*`)
	// uses is a usage of the argument parser; the error follows.
	uses = regexp.MustCompile(`(?s)usage: .*?kafka-storage:\s+error:`)
	// suggestion is what the argument parser adds when a word is nearly right.
	suggestion = regexp.MustCompile(`(?s)\n\nDid you mean:.*`)
	// warning says that --execute is missing; ours in our own words.
	warning = regexp.MustCompile(`(?m)^WARN: .*execute.*$`)
)

// normal makes output comparable: names, ids and noise out, the rest sorted, since Apache's tools print in the order of
// hash tables.
func (s *stage) normal(text string) string {
	for _, who := range []side{s.apache, s.ours} {
		text = strings.ReplaceAll(strings.ReplaceAll(text, who.dir, "$DIR"), who.name, "$T")
	}
	text = suggestion.ReplaceAllString(uses.ReplaceAllString(text, "error:"), "")
	if strings.HasPrefix(text, "error:") {
		text = strings.Join(strings.Fields(text), " ") // the argument parser justifies its lines
	}
	text = warning.ReplaceAllString(text, "WARN")
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\n")
		if strings.HasPrefix(line, "Option ") && strings.HasSuffix(line, "Description") {
			break // help is in our own words
		}
		line = uncaught.ReplaceAllString(line, "")
		if noise.MatchString(line) {
			continue
		}
		line = anyOrder.ReplaceAllString(ids.ReplaceAllString(line, "ID"), "$1…")
		lines = append(lines, sortedJSON(line))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// sortedJSON writes the JSON of kafka-log-dirs with its partitions sorted; other lines stay as they are.
func sortedJSON(line string) string {
	var top struct {
		Version int
		Brokers []struct {
			Broker  int
			LogDirs []struct {
				LogDir     string
				Error      *string
				Partitions []json.RawMessage
			}
		}
	}
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &top) != nil {
		return line
	}
	for _, b := range top.Brokers {
		for _, d := range b.LogDirs {
			slices.SortFunc(d.Partitions, func(a, b json.RawMessage) int { return strings.Compare(string(a), string(b)) })
		}
	}
	text, err := json.Marshal(top)
	if err != nil {
		return line
	}
	return string(text)
}
