package config

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// recorded is a test file: settings by their first word, and answers by the request.
type recorded struct {
	props   map[string]map[string]string
	answers map[string][]string
}

func readRecorded(t *testing.T, path string) recorded {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := recorded{props: map[string]map[string]string{}, answers: map[string][]string{}}
	request := ""
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "## "):
			request = line[3:]
			r.answers[request] = nil
		case strings.HasPrefix(line, "#"):
		case request != "":
			r.answers[request] = append(r.answers[request], line)
		default:
			layer, rest, _ := strings.Cut(line, " ")
			key, value, _ := strings.Cut(rest, "=")
			if r.props[layer] == nil {
				r.props[layer] = map[string]string{}
			}
			r.props[layer][key] = value
		}
	}
	return r
}

func text(s *string) string {
	if s == nil {
		return "<nil>"
	}
	return *s
}

func formatEntry(e entry) string {
	var synonyms []string
	for _, y := range e.ConfigSynonyms {
		synonyms = append(synonyms, fmt.Sprintf("%s=%s@%d", y.Name, text(y.Value), y.Source))
	}
	return fmt.Sprintf("%s\t%s\t%d\t%v\t%v\t%d\t%s", e.Name, text(e.Value), e.Source, e.ReadOnly, e.IsSensitive, e.ConfigType,
		strings.Join(synonyms, " ; "))
}

// TestDescribeAnswersAsKafka compares every field of every setting with Kafka's answers.
func TestDescribeAnswersAsKafka(t *testing.T) {
	r := readRecorded(t, "testdata/describe.txt")
	s := load(t, LoadOptions{Values: r.props["static"]})
	s, warnings, err := s.WithDynamic(r.props["cluster"], r.props["broker"])
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	layers := map[kmsg.ConfigResourceType]string{
		kmsg.ConfigResourceTypeTopic: "topic", kmsg.ConfigResourceTypeGroupConfig: "group", kmsg.ConfigResourceTypeClientMetrics: "metrics",
	}
	if len(r.answers) != 5 {
		t.Fatalf("%d answers in the file", len(r.answers))
	}
	for request, want := range r.answers {
		f := strings.Split(request, "|")
		n, _ := strconv.Atoi(f[1])
		resource := kmsg.ConfigResourceType(n)
		entries, err := s.Describe(DescribeQuery{Resource: resource, Name: f[2], Synonyms: true, Docs: true, Overrides: r.props[layers[resource]]})
		if err != nil {
			t.Errorf("%s: %v", request, err)
			continue
		}
		got := map[string]string{}
		for _, e := range entries {
			got[e.Name] = formatEntry(e)
			if Lookup(resource, e.Name) != nil && text(e.Documentation) == "<nil>" {
				t.Errorf("%s: %s has no documentation", request, e.Name)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d settings, want %d", request, len(got), len(want))
		}
		for _, line := range want {
			name, _, _ := strings.Cut(line, "\t")
			if got[name] != line {
				t.Errorf("%s:\n got %s\nwant %s", request, got[name], line)
			}
		}
	}
}

func TestDescribeFilters(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("d")})
	entries, err := s.Describe(DescribeQuery{Resource: kmsg.ConfigResourceTypeBroker, Name: "1", Keys: []string{"num.io.threads", "nosuch"}})
	if err != nil || len(entries) != 1 || entries[0].Name != "num.io.threads" {
		t.Fatal(entries, err)
	}
	if e := entries[0]; e.ConfigSynonyms != nil || e.Documentation != nil || !e.IsDefault {
		t.Errorf("unasked: %+v", e)
	}
	entries, err = s.Describe(DescribeQuery{Resource: kmsg.ConfigResourceTypeBroker, Name: "1", Keys: []string{}})
	if err != nil || len(entries) < 340 {
		t.Errorf("an empty list of keys asks for everything: %d, %v", len(entries), err)
	}
}

// TestOwnSettingsAreShownOnlyWhenSet keeps Kafka's tools from meeting names that they do not know.
func TestOwnSettingsAreShownOnlyWhenSet(t *testing.T) {
	s := load(t, LoadOptions{Fallback: Standalone("d")})
	find := func(q DescribeQuery) *entry {
		entries, err := s.Describe(q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name == "ottla.flush.before.ack" {
				return &e
			}
		}
		return nil
	}
	broker := DescribeQuery{Resource: kmsg.ConfigResourceTypeBroker, Name: "1", Synonyms: true}
	topic := DescribeQuery{Resource: kmsg.ConfigResourceTypeTopic, Name: "t", Synonyms: true}
	if find(broker) != nil || find(topic) != nil {
		t.Error("shown although not set")
	}
	s, _, err := s.WithDynamic(map[string]string{"ottla.flush.before.ack": "true"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e := find(broker); e == nil || formatEntry(*e) != "ottla.flush.before.ack\ttrue\t3\tfalse\tfalse\t1\tottla.flush.before.ack=true@3 ; ottla.flush.before.ack=false@5" {
		t.Errorf("broker: %v", e)
	}
	topic.Overrides = map[string]string{"ottla.flush.before.ack": "false"}
	if e := find(topic); e == nil || text(e.Value) != "false" || len(e.ConfigSynonyms) != 3 {
		t.Errorf("topic: %v", e)
	}
	if effective, err := s.Topic(nil); err != nil || !effective.SyncBeforeAck {
		t.Errorf("topics do not follow the broker's value: %v", err)
	}
	if effective, err := s.Topic(topic.Overrides); err != nil || effective.SyncBeforeAck {
		t.Errorf("the topic's own value does not count: %v", err)
	}
}
