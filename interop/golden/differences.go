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
	Want               string // "" for anything; else a pattern of what Apache Kafka answers there
	Reason             string
	Line               int
}

// Differences is what the file of deliberate differences says.
type Differences struct {
	List []Difference
	// Pending are beginnings of names of scripts whose API is not served yet: their mismatches are counted, not failed.
	Pending []string
}

// ReadDifferences reads the file of deliberate differences: a line "script | step | path" or "script | step | path | want", then
// indented lines with the reason; or a line "pending" with the beginning of scripts' names.
func ReadDifferences(file string) (Differences, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Differences{}, err
	}
	all, err := parseDifferences(string(text))
	if err != nil {
		return Differences{}, fmt.Errorf("%s: %w", file, err)
	}
	return all, nil
}

// PendingFor returns the pending line that covers a script.
func (d Differences) PendingFor(script string) (prefix string, pending bool) {
	for _, p := range d.Pending {
		if strings.HasPrefix(script, p) {
			return p, true
		}
	}
	return "", false
}

func parseDifferences(text string) (Differences, error) {
	var list []Difference
	var pending []string
	wrong := func(line int, what string) (Differences, error) { return Differences{}, &syntaxError{line, what} }
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			if len(list) == 0 {
				return wrong(i+1, "a reason before the first difference")
			}
			d := &list[len(list)-1]
			d.Reason = strings.TrimSpace(d.Reason + " " + trimmed)
		case strings.HasPrefix(line, "pending "):
			pending = append(pending, strings.TrimSpace(strings.TrimPrefix(line, "pending ")))
		default:
			parts := strings.Split(trimmed, "|")
			if len(parts) != 3 && len(parts) != 4 {
				return wrong(i+1, "want: script | step | path, perhaps | what Apache Kafka answers, or: pending FOLDER/")
			}
			d := Difference{Script: strings.TrimSpace(parts[0]), Step: strings.TrimSpace(parts[1]), Path: strings.TrimSpace(parts[2]), Line: i + 1}
			if len(parts) == 4 {
				d.Want = strings.TrimSpace(parts[3])
			}
			list = append(list, d)
		}
	}
	for _, d := range list {
		if d.Reason == "" {
			return wrong(d.Line, "a difference without its reason")
		}
	}
	return Differences{list, pending}, nil
}

// Explain splits mismatches into those that no difference covers and the numbers of the differences that covered one.
func Explain(all []Mismatch, differences []Difference) (unexplained []Mismatch, used map[int]bool) {
	used = map[int]bool{}
	for _, m := range all {
		covered := false
		for i, d := range differences {
			if d.covers(m) {
				covered, used[i] = true, true
			}
		}
		if !covered {
			unexplained = append(unexplained, m)
		}
	}
	return unexplained, used
}

func (d Difference) covers(m Mismatch) bool {
	return matches(d.Script, m.Script) && matches(d.Step, m.Step) && matches(d.Path, m.Path) && (d.Want == "" || matches(d.Want, m.Want))
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
