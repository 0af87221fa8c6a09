package config

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// cluster plays alterations as one node does: the broker's part, the controller's part, the new dynamic values.
type cluster struct {
	snapshot *Snapshot
	stored   map[string]map[string]string // by type and name
	topics   map[string]bool
}

func (c *cluster) at(resource kmsg.ConfigResourceType, name string) string {
	return fmt.Sprint(int(resource), "|", name)
}

func (c *cluster) store(t *testing.T, resource kmsg.ConfigResourceType, name string, next map[string]string) {
	t.Helper()
	c.stored[c.at(resource, name)] = next
	if resource != kmsg.ConfigResourceTypeBroker {
		return
	}
	s, _, err := c.snapshot.WithDynamic(c.stored["4|"], c.stored["4|1"])
	if err != nil {
		t.Fatalf("what was accepted cannot be applied: %v", err)
	}
	c.snapshot = s
}

func value(text string) *string {
	if text == "<nil>" {
		return nil
	}
	return &text
}

func (c *cluster) incremental(resource kmsg.ConfigResourceType, name string, fields []string) (map[string]string, error) {
	var ops []Op
	for _, field := range fields {
		f := strings.SplitN(field, " ", 3)
		n, _ := strconv.Atoi(f[1])
		op := Op{Name: f[0], Op: kmsg.IncrementalAlterConfigOp(n)}
		if len(f) == 3 {
			op.Value = value(f[2])
		}
		ops = append(ops, op)
	}
	current := c.stored[c.at(resource, name)]
	if err := c.snapshot.PrepareIncrementalAlter(resource, name, current, ops); err != nil {
		return nil, err
	}
	if err := CheckIncrementalMinISR(resource, name, ops); err != nil {
		return nil, err
	}
	return c.snapshot.IncrementalAlter(resource, name, current, ops)
}

func (c *cluster) legacy(resource kmsg.ConfigResourceType, name string, fields []string) (map[string]string, error) {
	var configs []kmsg.AlterConfigsRequestResourceConfig
	for _, field := range fields {
		key, text, ok := strings.Cut(field, "=")
		config := kmsg.AlterConfigsRequestResourceConfig{Name: key}
		if ok {
			config.Value = &text
		}
		configs = append(configs, config)
	}
	if err := c.snapshot.PrepareAlter(resource, name, configs); err != nil {
		return nil, err
	}
	current := c.stored[c.at(resource, name)]
	if err := CheckMinISR(resource, name, current, configs); err != nil {
		return nil, err
	}
	return c.snapshot.Alter(resource, name, current, configs)
}

func (c *cluster) create(fields []string) (map[string]string, error) {
	var configs []kmsg.CreateTopicsRequestTopicConfig
	for _, field := range fields {
		key, text, _ := strings.Cut(field, "=")
		configs = append(configs, kmsg.CreateTopicsRequestTopicConfig{Name: key, Value: value(text)})
	}
	return c.snapshot.CreateTopicConfigs(configs)
}

// play performs one line of the script and returns the answer.
func (c *cluster) play(t *testing.T, line string) string {
	f := strings.Split(line, "|")
	n, _ := strconv.Atoi(f[1])
	resource, name := kmsg.ConfigResourceType(n), f[2]
	var next map[string]string
	var err error
	switch f[0] {
	case "i", "v":
		next, err = c.incremental(resource, name, f[3:])
	case "a":
		next, err = c.legacy(resource, name, f[3:])
	case "t":
		resource = kmsg.ConfigResourceTypeTopic
		if next, err = c.create(f[3:]); err == nil {
			c.topics[name] = true
		}
	default:
		t.Fatalf("no such request: %s", line)
	}
	if err == nil && resource == kmsg.ConfigResourceTypeTopic && !c.topics[name] {
		err = protocol.Errorf(protocol.UnknownTopicOrPartition, "The topic '%s' does not exist.", name)
	}
	if err == nil && f[0] != "v" {
		c.store(t, resource, name, next)
	}
	return fmt.Sprint(int(protocol.CodeOf(err)), " ", text(protocol.MessageOf(err)))
}

// otherWords are answers that differ from Kafka's on purpose.
var otherWords = map[string]string{
	"42 Error parsing configuration property 'listener.security.protocol.map': begin 0, end -1, length 9":   "42 Error parsing configuration property 'listener.security.protocol.map': PLAINTEXT is not of the form key:value",
	"42 Error parsing configuration property 'max.connections.per.ip.overrides': begin 0, end -1, length 3": "42 Error parsing configuration property 'max.connections.per.ip.overrides': foo is not of the form key:value",
}

func TestAlterAnswersAsKafka(t *testing.T) {
	file, err := os.ReadFile("testdata/alter.txt")
	if err != nil {
		t.Fatal(err)
	}
	static := readRecorded(t, "testdata/describe.txt").props["static"]
	c := &cluster{
		snapshot: load(t, LoadOptions{Values: static}),
		stored:   map[string]map[string]string{"4|": {"min.insync.replicas": "1"}},
		topics:   map[string]bool{"plain": true},
	}
	played := 0
	var request string
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "## "); ok {
			request = rest
			continue
		}
		if request == "" {
			continue
		}
		want := line
		if w, ok := otherWords[want]; ok {
			want = w
		}
		if got := c.play(t, request); got != want {
			t.Errorf("%s\n got %s\nwant %s", request, got, want)
		}
		played++
	}
	if played < 170 {
		t.Errorf("only %d requests in the file", played)
	}
}
