package config

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// differs lists the settings whose recorded value is the recording node's own, with Kafka's default.
var differs = map[string]string{
	"advertised.listeners":                  null,
	"broker.id":                             "-1",
	"controller.listener.names":             null,
	"controller.quorum.voters":              "",
	"group.initial.rebalance.delay.ms":      "3000",
	"listener.security.protocol.map":        "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
	"listeners":                             "PLAINTEXT://:9092",
	"log.dirs":                              null,
	"node.id":                               null,
	"offsets.topic.replication.factor":      "3",
	"process.roles":                         null,
	"share.coordinator.state.topic.min.isr": "2",
	"share.coordinator.state.topic.replication.factor": "3",
	"transaction.state.log.min.isr":                    "2",
	"transaction.state.log.replication.factor":         "3",
}

// TestReferenceTable compares every declaration with what a running Apache Kafka 4.3.1 answered.
func TestReferenceTable(t *testing.T) {
	file, err := os.ReadFile("testdata/kafka-4.3.1-configs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]kmsg.ConfigResourceType{
		"# broker": kmsg.ConfigResourceTypeBroker, "# topic": kmsg.ConfigResourceTypeTopic,
		"# group": kmsg.ConfigResourceTypeGroupConfig, "# client-metrics": kmsg.ConfigResourceTypeClientMetrics,
	}
	var resource kmsg.ConfigResourceType
	counts := map[kmsg.ConfigResourceType]int{}
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			if r, ok := sections[line]; ok {
				resource = r
			}
			continue
		}
		f := strings.Split(line, "\t")
		if f[0] == "name" {
			continue
		}
		counts[resource]++
		compareWithReference(t, resource, f)
	}
	for resource, want := range map[kmsg.ConfigResourceType]int{
		kmsg.ConfigResourceTypeBroker: 340, kmsg.ConfigResourceTypeTopic: 33,
		kmsg.ConfigResourceTypeGroupConfig: 17, kmsg.ConfigResourceTypeClientMetrics: 3,
	} {
		shown := 0
		for _, setting := range tableOf(resource).sorted {
			if !setting.hidden {
				shown++
			}
		}
		if counts[resource] != want || shown != want {
			t.Errorf("resource %d: %d in the reference, %d declared, want %d", resource, counts[resource], shown, want)
		}
	}
}

func compareWithReference(t *testing.T, resource kmsg.ConfigResourceType, f []string) {
	t.Helper()
	name, kind, value, readOnly, sensitive := f[0], f[1], f[2], f[3], f[4]
	s := Lookup(resource, name)
	if s == nil || s.hidden {
		t.Errorf("%s is not declared", name)
		return
	}
	if got := strings.ToLower(s.Type.String()); got != kind {
		t.Errorf("%s: type %s, want %s", name, got, kind)
	}
	if value == "null" {
		value = null
	}
	if own, ok := differs[name]; ok && resource == kmsg.ConfigResourceTypeBroker {
		if value == own {
			t.Errorf("%s: the reference has the default, so it needs no exception", name)
		}
		value = own
	}
	if s.Default != value {
		t.Errorf("%s: default %q, want %q", name, s.Default, value)
	}
	if got := strconv.FormatBool(s.Scope == ReadOnly); got != readOnly {
		t.Errorf("%s: read-only %s, want %s", name, got, readOnly)
	}
	if got := strconv.FormatBool(s.Sensitive()); got != sensitive {
		t.Errorf("%s: sensitive %s, want %s", name, got, sensitive)
	}
	if s.Doc == "" || !strings.HasSuffix(s.Doc, ".") {
		t.Errorf("%s: doc %q", name, s.Doc)
	}
	// The reference names a synonym only where the answer showed one.
	if len(f) > 5 && f[5] != "" {
		names := TopicSynonyms(name)
		if resource == kmsg.ConfigResourceTypeGroupConfig {
			names = []string{GroupSynonym(name)}
		}
		if !slices.Contains(names, f[5]) {
			t.Errorf("%s: synonyms %q, want %s", name, names, f[5])
		}
	}
}

func TestDefaultsAreAllowed(t *testing.T) {
	for _, tab := range []*table{brokerTable, topicTable, groupTable, clientMetricsTable} {
		for _, s := range tab.sorted {
			if _, err := s.checked(s.value); err != nil && !s.required && !nullUnset(s) {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
	}
}

// nullUnset names settings whose check is only for values that are given.
func nullUnset(s *Setting) bool { return !s.HasDefault() && s.Type == List }
