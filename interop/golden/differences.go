package golden

import (
	"fmt"
	"os"
	"strings"
)

// Difference is one deliberate difference between Ottla's answers and Apache Kafka's: patterns of script, step and path, in which *
// stands for anything, and why.
type Difference struct {
	Script, Step, Path string
	Reason             string
	Line               int
}

// ReadDifferences reads the file of deliberate differences: a line "script | step | path", then indented lines with the reason.
func ReadDifferences(file string) ([]Difference, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	list, err := parseDifferences(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, nil
}

func parseDifferences(text string) ([]Difference, error) {
	var list []Difference
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			if len(list) == 0 {
				return nil, &syntaxError{i + 1, "a reason before the first difference"}
			}
			d := &list[len(list)-1]
			d.Reason = strings.TrimSpace(d.Reason + " " + trimmed)
		default:
			parts := strings.Split(trimmed, "|")
			if len(parts) != 3 {
				return nil, &syntaxError{i + 1, "want: script | step | path"}
			}
			list = append(list, Difference{
				Script: strings.TrimSpace(parts[0]), Step: strings.TrimSpace(parts[1]), Path: strings.TrimSpace(parts[2]), Line: i + 1,
			})
		}
	}
	for _, d := range list {
		if d.Reason == "" {
			return nil, &syntaxError{d.Line, "a difference without its reason"}
		}
	}
	return list, nil
}

// Explain splits mismatches into those that no difference covers and the numbers of the differences that covered one.
func Explain(all []Mismatch, differences []Difference) (unexplained []Mismatch, used map[int]bool) {
	used = map[int]bool{}
	for _, m := range all {
		covered := false
		for i, d := range differences {
			if matches(d.Script, m.Script) && matches(d.Step, m.Step) && matches(d.Path, m.Path) {
				covered, used[i] = true, true
			}
		}
		if !covered {
			unexplained = append(unexplained, m)
		}
	}
	return unexplained, used
}

// matches compares a text with a pattern in which * stands for any run of letters.
func matches(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	for text = text[len(head):]; ; text = text[1:] {
		if matches(rest, text) {
			return true
		}
		if text == "" {
			return false
		}
	}
}
