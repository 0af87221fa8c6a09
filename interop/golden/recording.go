package golden

import (
	"fmt"
	"os"
	"strings"
)

const recordingHead = "# What Apache Kafka answered to the script of the same name. `make golden` writes this file.\n"

// strip drops the fields that hold what absent ones would.
func strip(v any) any {
	switch v := v.(type) {
	case *Object:
		o := &Object{}
		for _, f := range v.Fields {
			if !f.Default {
				o.Fields = append(o.Fields, Field{Name: f.Name, Value: strip(f.Value)})
			}
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = strip(v[i])
		}
		return list
	}
	return v
}

// WriteRecording writes outcomes as text. An answer that is the same as an earlier one of the API is written as a reference to that
// step, so that what changes from version to version stands out.
func WriteRecording(file string, outcomes []Outcome) error {
	return os.WriteFile(file, []byte(recordingText(outcomes)), 0o644)
}

func recordingText(outcomes []Outcome) string {
	var b strings.Builder
	b.WriteString(recordingHead)
	written := map[string]string{} // API and answer → number of the step
	for _, o := range outcomes {
		number, what, _ := strings.Cut(o.Step, " ")
		api, _, _ := strings.Cut(what, " ")
		text := formatBlock(strip(o.Answer))
		fmt.Fprintf(&b, "\n== %s\n", o.Step)
		if earlier, ok := written[api+text]; ok && len(text) > 2 {
			fmt.Fprintf(&b, "as in %s\n", earlier)
			continue
		}
		written[api+text] = number
		b.WriteString(text + "\n")
	}
	return b.String()
}

// ReadRecording reads what WriteRecording wrote.
func ReadRecording(file string) ([]Outcome, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	outcomes, err := parseRecording(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return outcomes, nil
}

func parseRecording(text string) ([]Outcome, error) {
	var outcomes []Outcome
	answers := map[string]any{}
	for _, part := range strings.Split(text, "\n== ")[1:] {
		step, body, _ := strings.Cut(part, "\n")
		number, _, _ := strings.Cut(step, " ")
		body = strings.TrimSpace(body)
		if earlier, ok := strings.CutPrefix(body, "as in "); ok {
			answer, ok := answers[earlier]
			if !ok {
				return nil, fmt.Errorf("step %s: no step %s before it", number, earlier)
			}
			answers[number] = answer
		} else {
			p, err := newParser(body)
			if err != nil {
				return nil, fmt.Errorf("step %s: %w", number, err)
			}
			if answers[number], err = p.value(); err != nil {
				return nil, fmt.Errorf("step %s: %w", number, err)
			}
		}
		outcomes = append(outcomes, Outcome{Step: step, Answer: answers[number]})
	}
	return outcomes, nil
}
