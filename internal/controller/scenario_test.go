package controller

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

var update = flag.Bool("update", false, "write what the scenarios come to into their files; then read the difference")

// TestScenarios plays the scripts in testdata. A script is a list of steps. A step is a command line, lines with its
// input, a line with four dashes, and what it must come to, up to an empty line. What a request decides is applied to the
// image of the later steps. Commands:
//
//	config    the following lines are settings of the broker
//	image     the following lines change the image: broker, topic, configs, feature, present, cluster
//	<API> <version>   a request in JSON, with kmsg's field names
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playFile(t, file) })
	}
}

type step struct {
	comment []string
	line    int
	command string
	input   []string
	want    []string
}

func playFile(t *testing.T, file string) {
	steps := readSteps(t, file)
	s := &scene{t: t, img: metadata.Empty(), names: map[metadata.UUID]string{}, random: rand.NewChaCha8([32]byte{1})}
	s.setConfig(nil)
	for i := range steps {
		got := s.play(steps[i])
		if *update {
			steps[i].want = got
		} else if strings.Join(got, "\n") != strings.Join(steps[i].want, "\n") {
			t.Errorf("%s:%d: %s\ngot:\n%s\nwant:\n%s", file, steps[i].line, steps[i].command, strings.Join(got, "\n"), strings.Join(steps[i].want, "\n"))
		}
	}
	if *update {
		writeSteps(t, file, steps)
	}
}

func readSteps(t *testing.T, file string) []step {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var steps []step
	var now step
	inWant := false
	end := func() {
		if now.command != "" {
			steps = append(steps, now)
			now = step{}
		}
		inWant = false
	}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		switch {
		case line == "":
			end()
		case inWant:
			now.want = append(now.want, line)
		case line == "----":
			inWant = true
		case strings.HasPrefix(line, "#"):
			now.comment = append(now.comment, line)
		case now.command == "":
			now.command, now.line = line, n
		default:
			now.input = append(now.input, line)
		}
	}
	end()
	return steps
}

func writeSteps(t *testing.T, file string, steps []step) {
	var b strings.Builder
	for i, s := range steps {
		if i > 0 {
			b.WriteString("\n")
		}
		lines := append(append(append([]string{}, s.comment...), s.command), s.input...)
		if len(s.want) > 0 {
			lines = append(append(lines, "----"), s.want...)
		}
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// scene is the state between the steps of one script.
type scene struct {
	t      *testing.T
	img    *metadata.Image
	env    Env
	random *rand.ChaCha8
	names  map[metadata.UUID]string // ids as the scripts write them: id1, id2, … in the order in which they appear
}

func (s *scene) play(st step) []string {
	command, rest, _ := strings.Cut(st.command, " ")
	switch command {
	case "config":
		s.setConfig(st.input)
		return nil
	case "image":
		for _, line := range st.input {
			s.change(line)
		}
		return nil
	}
	version, _, _ := strings.Cut(rest, " ")
	v, err := strconv.Atoi(version)
	if err != nil {
		s.t.Fatalf("line %d: no version in %q", st.line, st.command)
	}
	return s.request(command, int16(v), s.resolve(strings.Join(st.input, "\n")))
}

func (s *scene) setConfig(lines []string) {
	snapshot, _, err := config.Load(config.LoadOptions{Set: lines, Fallback: config.Standalone("/tmp/none")})
	if err != nil {
		s.t.Fatal(err)
	}
	s.env = Env{Config: snapshot, Random: s.random}
}

// change plays one line of an image step.
func (s *scene) change(line string) {
	words := strings.Fields(line)
	options := map[string]string{}
	for _, w := range words[2:] {
		key, value, _ := strings.Cut(w, "=")
		options[key] = value
	}
	number, _ := strconv.Atoi(words[1])
	_, fenced := options["fenced"]
	switch words[0] {
	case "cluster":
		s.apply(metadata.ClusterRecord{ClusterID: words[1]})
	case "feature":
		level, _ := strconv.Atoi(options["level"])
		s.apply(metadata.FeatureLevelRecord{Name: words[1], Level: int16(level)})
	case "present":
		s.apply(metadata.BrokerPresenceRecord{BrokerID: int32(number), IncarnationID: metadata.UUID{byte(len(options["incarnation"]))}, Present: true})
	case "broker":
		b := metadata.Broker{ID: int32(number), Epoch: s.img.Revision + 1, Fenced: fenced, LogDirs: []metadata.UUID{{0xdd, byte(number)}}}
		if max, ok := options["transactions"]; ok {
			level, _ := strconv.Atoi(max)
			b.Features = map[string]metadata.FeatureRange{metadata.MetadataVersion: {Min: 7, Max: 30}, metadata.TransactionVersion: {Max: int16(level)}}
		}
		if rack, ok := options["rack"]; ok {
			b.Rack = &rack
		}
		s.apply(metadata.RegisterBrokerRecord{Broker: b})
	case "topic":
		s.addTopic(words[1], options)
	case "configs":
		value := options["value"]
		s.apply(metadata.ConfigRecord{Resource: metadata.TopicResource(words[1]), Name: options["name"], Value: &value})
	default:
		s.t.Fatalf("what is %q?", line)
	}
}

func (s *scene) addTopic(name string, options map[string]string) {
	id := metadata.UUID{0x77, byte(s.img.NumTopics() + 1)}
	records := []metadata.Record{metadata.TopicRecord{Name: name, TopicID: id}}
	partitions, _ := strconv.Atoi(options["partitions"])
	var replicas []int32
	for _, r := range strings.Split(options["replicas"], ",") {
		n, _ := strconv.Atoi(r)
		replicas = append(replicas, int32(n))
	}
	for i := range partitions {
		records = append(records, metadata.PartitionRecord{TopicID: id, PartitionID: int32(i), Partition: metadata.Partition{Leader: replicas[0], Replicas: replicas, ISR: replicas}})
	}
	s.name(id)
	s.apply(records...)
}

func (s *scene) apply(records ...metadata.Record) {
	next, _, err := s.img.Apply(s.img.Revision+1, records...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.img = next
}

func (s *scene) request(api string, version int16, body string) []string {
	switch api {
	case "CreateTopics":
		return play(s, kmsg.NewPtrCreateTopicsRequest(), version, body, func(r *kmsg.CreateTopicsRequest) (Result[*kmsg.CreateTopicsResponse], error) {
			return CreateTopics(s.env, s.img, Caller{DescribeConfigs: func(topic string) bool { return !strings.HasPrefix(topic, "secret") }}, r)
		})
	case "DeleteTopics":
		return play(s, kmsg.NewPtrDeleteTopicsRequest(), version, body, func(r *kmsg.DeleteTopicsRequest) (Result[*kmsg.DeleteTopicsResponse], error) {
			return DeleteTopics(s.env, s.img, Caller{}, r)
		})
	case "CreatePartitions":
		return play(s, kmsg.NewPtrCreatePartitionsRequest(), version, body, func(r *kmsg.CreatePartitionsRequest) (Result[*kmsg.CreatePartitionsResponse], error) {
			return CreatePartitions(s.env, s.img, Caller{}, r)
		})
	case "AlterConfigs":
		return play(s, kmsg.NewPtrAlterConfigsRequest(), version, body, func(r *kmsg.AlterConfigsRequest) (Result[*kmsg.AlterConfigsResponse], error) {
			return s.alter(Alterations(r), r.ValidateOnly)
		})
	case "IncrementalAlterConfigs":
		return play(s, kmsg.NewPtrIncrementalAlterConfigsRequest(), version, body, func(r *kmsg.IncrementalAlterConfigsRequest) (Result[*kmsg.AlterConfigsResponse], error) {
			return s.alter(IncrementalAlterations(r), r.ValidateOnly)
		})
	case "BrokerRegistration":
		return play(s, kmsg.NewPtrBrokerRegistrationRequest(), version, body, func(r *kmsg.BrokerRegistrationRequest) (Result[*kmsg.BrokerRegistrationResponse], error) {
			return RegisterBroker(s.env, s.img, r)
		})
	case "BrokerHeartbeat":
		return play(s, kmsg.NewPtrBrokerHeartbeatRequest(), version, body, func(r *kmsg.BrokerHeartbeatRequest) (Result[*kmsg.BrokerHeartbeatResponse], error) {
			return BrokerHeartbeat(s.env, s.img, r)
		})
	case "UpdateFeatures":
		return play(s, kmsg.NewPtrUpdateFeaturesRequest(), version, body, func(r *kmsg.UpdateFeaturesRequest) (Result[*kmsg.UpdateFeaturesResponse], error) {
			return UpdateFeatures(s.env, s.img, Caller{}, r)
		})
	case "AllocateProducerIDs":
		return play(s, kmsg.NewPtrAllocateProducerIDsRequest(), version, body, func(r *kmsg.AllocateProducerIDsRequest) (Result[*kmsg.AllocateProducerIDsResponse], error) {
			return AllocateProducerIDs(s.env, s.img, r)
		})
	}
	s.t.Fatalf("what is %q?", api)
	return nil
}

func (s *scene) alter(list []Alteration, validateOnly bool) (Result[*kmsg.AlterConfigsResponse], error) {
	result, err := AlterConfigs(s.env, s.img, Caller{}, list, validateOnly)
	return Result[*kmsg.AlterConfigsResponse]{Records: result.Records, Response: &kmsg.AlterConfigsResponse{Resources: result.Response}}, err
}

func play[Request kmsg.Request, Response kmsg.Response](s *scene, req Request, version int16, body string, decide func(Request) (Result[Response], error)) []string {
	req.SetVersion(version)
	if err := json.Unmarshal([]byte(body), req); err != nil {
		s.t.Fatalf("%v in %s", err, body)
	}
	result, err := decide(req)
	if err != nil {
		text := ""
		if m := protocol.MessageOf(err); m != nil {
			text = ": " + *m
		}
		return []string{"refused: " + protocol.CodeOf(err).Name() + text}
	}
	lines := s.describe(result.Response)
	for _, r := range result.Records {
		lines = append(lines, s.record(r))
	}
	s.apply(result.Records...)
	return lines
}

func (s *scene) name(id metadata.UUID) string {
	if id.IsZero() {
		return "-"
	}
	if s.names[id] == "" {
		s.names[id] = fmt.Sprintf("id%d", len(s.names)+1)
	}
	return s.names[id]
}

// resolve replaces "id1" and so on in a request by the bytes of the id.
func (s *scene) resolve(body string) string {
	for id, name := range s.names {
		numbers, _ := json.Marshal([16]byte(id))
		body = strings.ReplaceAll(body, `"`+name+`"`, string(numbers))
	}
	return body
}
