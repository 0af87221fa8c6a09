package config

import (
	"os"
	"strings"
	"testing"
)

// otherVerdicts are for configurations that Kafka refuses and Ottla takes on purpose, or refuses in other words.
var otherVerdicts = map[string]string{
	"combined no voters": "ok", // a single node needs no address of controllers
	"combined wildcard":  "ok", // clients are told the address that they reached
	"share assignors":    "group.share.assignors must contain exactly one assignor, but found 2",
}

// TestValidateAsKafka gives configurations to the rules and compares with what Kafka said.
func TestValidateAsKafka(t *testing.T) {
	file, err := os.ReadFile("testdata/validate.txt")
	if err != nil {
		t.Fatal(err)
	}
	name, props, cases := "", map[string]string{}, 0
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "== "):
			name, props = line[3:], map[string]string{}
		case strings.HasPrefix(line, "-> "):
			cases++
			want := line[3:]
			if w, ok := otherVerdicts[name]; ok {
				want = w
			}
			if got := verdict(props); got != want {
				t.Errorf("%s\n got %s\nwant %s", name, got, want)
			}
		default:
			key, value, _ := strings.Cut(line, "=")
			props[key] = value
		}
	}
	if cases < 110 {
		t.Errorf("only %d cases in the file", cases)
	}
}

func verdict(props map[string]string) string {
	populate(props)
	if _, err := resolve(props); err != nil {
		return firstError(err).Error()
	}
	return "ok"
}
