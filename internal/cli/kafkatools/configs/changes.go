package configs

import (
	"regexp"
	"slices"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// setting is a key with the value that it gets.
type setting struct{ key, value string }

// changes are the settings of the command line to set, sorted by key, and to delete.
type changes struct {
	set     []setting
	deleted []string
}

var keySyntax = regexp.MustCompile(`^[$a-zA-Z0-9._-]*$`)

// readChanges reads --add-config, --add-config-file and --delete-config.
func (o *options) readChanges() (changes, error) {
	values := map[string]string{}
	if o.Has(o.addConfigFile) {
		file, err := tool.LoadProperties(o.String(o.addConfigFile))
		if err != nil {
			return changes{}, err
		}
		values = file
	}
	if o.Has(o.addConfig) {
		if err := parseSettings(o.String(o.addConfig), values); err != nil {
			return changes{}, err
		}
	}
	var c changes
	for key, value := range values {
		if !keySyntax.MatchString(key) {
			return changes{}, tool.Errorf("Invalid character found for config key: %s", key)
		}
		c.set = append(c.set, setting{key, value})
	}
	slices.SortFunc(c.set, func(a, b setting) int { return strings.Compare(a.key, b.key) })
	for _, list := range o.Strings(o.deleteConfig) {
		for key := range strings.SplitSeq(list, ",") {
			c.deleted = append(c.deleted, strings.TrimSpace(key))
		}
	}
	return c, nil
}

// parseSettings reads "k1=v1,k2=[v1,v2]" into values. Brackets are only there to hold commas and equal signs together.
func parseSettings(text string, values map[string]string) error {
	pairs := splitOutsideBrackets(text, ',')
	for len(pairs) > 1 && pairs[len(pairs)-1] == "" {
		pairs = pairs[:len(pairs)-1]
	}
	for _, pair := range pairs {
		parts := splitOutsideBrackets(pair, '=')
		if len(parts) != 2 {
			return tool.Errorf(`requirement failed: Invalid entity config: all configs to be added must be in the format "key=val" or  "key=[val1,val2]" to group values which contain commas.`)
		}
		value := strings.NewReplacer("[", "", "]", "").Replace(parts[1])
		values[strings.TrimSpace(parts[0])] = strings.TrimSpace(value)
	}
	return nil
}

// splitOutsideBrackets splits at a separator that does not stand before a closing bracket without an opening one between.
func splitOutsideBrackets(text string, separator byte) []string {
	var parts []string
	start := 0
	for i := range len(text) {
		if text[i] != separator {
			continue
		}
		rest := text[i+1:]
		if next := strings.IndexAny(rest, "[]"); next < 0 || rest[next] == '[' {
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

func (c changes) keys() []string {
	keys := make([]string, len(c.set))
	for i, s := range c.set {
		keys[i] = s.key
	}
	return keys
}
