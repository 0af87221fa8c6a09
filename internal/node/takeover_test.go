package node

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/kraft"
	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/metadata/store/etcd"
	"ottla.dev/ottla/internal/record"
)

const kafkaLog = "00000000000000000000.log"

// kafkaDir is a data directory with the metadata log that Apache Kafka wrote (internal/metadata/kraft/testdata).
func kafkaDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, kraft.LogDir)
	if err := os.CopyFS(log, os.DirFS("../metadata/kraft/testdata")); err != nil {
		t.Fatal(err)
	}
	l, err := kraft.Read(os.DirFS(log))
	if err != nil {
		t.Fatal(err)
	}
	writeMeta(t, dir, 1, l.State.Brokers[1].LogDirs[0])
	return dir
}

func writeMeta(t *testing.T, dir string, node int, id metadata.UUID) {
	t.Helper()
	text := fmt.Sprintf("version=1\nnode.id=%d\ncluster.id=4L6g3nShT-eMCtK--X86sw\ndirectory.id=%s\n", node, id)
	if err := os.WriteFile(filepath.Join(dir, "meta.properties"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// startOn starts a node on directories; what it logs goes to the writer.
func startOn(t *testing.T, out *bytes.Buffer, properties map[string]string) (*Node, error) {
	t.Helper()
	all := map[string]string{"node.id": "1", "process.roles": "broker,controller", "listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0",
		"controller.listener.names": "CONTROLLER", "controller.quorum.voters": "1@127.0.0.1:1"}
	maps.Copy(all, properties)
	snapshot, _, err := config.Load(config.LoadOptions{Values: all})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(out, nil))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return Start(ctx, Options{Config: snapshot, Logger: logger})
}

func adminOf(t *testing.T, n *Node) (*kadm.Client, *kgo.Client) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(n.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return kadm.NewClient(c), c
}

// kafkaTopics checks that the node has what Apache Kafka told of its topics, and leads it.
func kafkaTopics(t *testing.T, n *Node) {
	t.Helper()
	told, err := os.ReadFile("../metadata/kraft/testdata/told.txt")
	if err != nil {
		t.Fatal(err)
	}
	admin, _ := adminOf(t, n)
	topics, err := admin.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(told)) {
		var name, id string
		var partitions int
		if got, _ := fmt.Sscanf(line, "topic %s %s %d", &name, &id, &partitions); got != 3 {
			continue
		}
		checked++
		topic := topics[name]
		if metadata.UUID(topic.ID).String() != id || len(topic.Partitions) != partitions {
			t.Errorf("%s: id %s with %d partitions, want %s with %d", name, metadata.UUID(topic.ID), len(topic.Partitions), id, partitions)
		}
		for _, p := range topic.Partitions {
			if p.Leader != 1 || p.Err != nil || !slices.Equal(p.ISR, []int32{1}) {
				t.Errorf("%s-%d: %+v", name, p.Partition, p)
			}
		}
	}
	if checked != 10 {
		t.Fatalf("%d topics told", checked)
	}
	configs, err := admin.DescribeTopicConfigs(t.Context(), "plain")
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(configs[0].Configs, func(c kadm.Config) bool { return c.Key == "retention.ms" }); i < 0 || *configs[0].Configs[i].Value != "90000002" {
		t.Errorf("retention.ms of plain: %+v", configs[0].Configs)
	}
}

func TestKafkasDirectoryOpensAndGoesBack(t *testing.T) {
	dir := kafkaDir(t)
	var out bytes.Buffer
	properties := map[string]string{"log.dirs": dir}
	for round := range 3 { // the first takes over, the second does not again, the third takes over what was exported
		out.Reset()
		n, err := startOn(t, &out, properties)
		if err != nil {
			t.Fatal(err)
		}
		kafkaTopics(t, n)
		admin, client := adminOf(t, n)
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "plain", Partition: 1, Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		end, err := admin.ListEndOffsets(t.Context(), "plain")
		if at, _ := end.Lookup("plain", 1); err != nil || at.Offset != int64(round+1) {
			t.Errorf("round %d: the log ends at %d, %v", round, at.Offset, err)
		}
		if round == 0 {
			if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, "made-here"); err != nil {
				t.Fatal(err)
			}
		} else if topics, err := admin.ListTopics(t.Context(), "made-here"); err != nil || topics["made-here"].Err != nil {
			t.Errorf("round %d: %v, %v", round, topics, err)
		}
		if next := n.controller.Image().NextProducerID; next < 1000+int64(round) {
			t.Errorf("round %d: producer ids from %d may be Kafka's", round, next)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		if took := strings.Contains(out.String(), "took over the metadata of Apache Kafka"); took != (round != 1) {
			t.Errorf("round %d: took over: %v\n%s", round, took, &out)
		}
		if round == 0 && !strings.Contains(out.String(), "scram_credentials=2") {
			t.Errorf("no word of the credentials\n%s", &out)
		}
		if round == 1 {
			done, err := ExportMetadata(t.Context(), ExportOptions{LogDirs: []string{dir}, Logger: slog.New(slog.DiscardHandler), Now: time.Now()})
			if err != nil || done.Topics != 11 || !done.StaticVoters {
				t.Fatalf("%+v, %v", done, err)
			}
		}
	}
}

// A start that ended in the middle of the import, whatever it had stored, does it again.
func TestInterruptedTakeover(t *testing.T) {
	dir := kafkaDir(t)
	log, err := kraft.Read(os.DirFS(filepath.Join(dir, kraft.LogDir)))
	if err != nil {
		t.Fatal(err)
	}
	im, err := log.State.Import(kraft.Node{ID: 1, Directories: map[metadata.UUID]bool{log.State.Brokers[1].LogDirs[0]: true}})
	if err != nil {
		t.Fatal(err)
	}
	half := im.Records[:0:0]
	for _, r := range im.Records {
		if c, ok := r.(metadata.ResourceConfigsRecord); ok && c.Resource.Name == "plain" {
			c.Configs = map[string]string{"retention.ms": "1"}
			r = c
		}
		if topic, ok := r.(metadata.TopicRecord); ok && topic.Name == "reborn" {
			break
		}
		half = append(half, r)
	}
	half = append(half, metadata.TopicRecord{Name: "stray", TopicID: metadata.UUID{1}}, metadata.PartitionRecord{TopicID: metadata.UUID{1}, Partition: metadata.Partition{Replicas: []int32{1}, ISR: []int32{1}}})
	backend, err := etcd.Open(t.Context(), etcd.Embedded{Dir: filepath.Join(dir, metadataDir)})
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(backend)
	lease, err := s.Lease(t.Context(), importLease)
	if err != nil {
		t.Fatal(err)
	}
	term, err := s.Campaign(t.Context(), lease, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proposeAll(t.Context(), s, term, metadata.Empty(), half); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // without resigning: the process is gone
		t.Fatal(err)
	}
	var out bytes.Buffer
	n, err := startOn(t, &out, map[string]string{"log.dirs": dir})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	kafkaTopics(t, n)
	if n.controller.Image().Topic("stray") != nil {
		t.Error("what the interrupted import had and this one has not is still there")
	}
}

func TestTakeoverRefusals(t *testing.T) {
	for _, test := range []struct {
		name       string
		properties map[string]string
		spoil      func(t *testing.T, dir string)
		want       []string
	}{
		{"damaged log", nil, func(t *testing.T, dir string) {
			name := filepath.Join(dir, kraft.LogDir, kafkaLog)
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2+3000] ^= 1
			if err := os.WriteFile(name, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}, []string{kafkaLog + " is damaged", "Start Apache Kafka"}},
		{"no metadata", nil, func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, kraft.LogDir)); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "plain-0"), 0o755); err != nil {
				t.Fatal(err)
			}
		}, []string{"hold 1 partitions", "metadata.log.dir"}},
		{"a controller's directory", map[string]string{"node.id": "2", "controller.quorum.voters": "2@127.0.0.1:1"}, func(t *testing.T, dir string) {
			writeMeta(t, dir, 2, metadata.UUID{1})
		}, []string{"no broker 2"}},
		{"another log directory", nil, func(t *testing.T, dir string) { writeMeta(t, dir, 1, metadata.UUID{1}) }, []string{"none of log.dirs"}},
		{"no meta.properties", nil, func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "meta.properties")); err != nil {
				t.Fatal(err)
			}
		}, []string{"meta.properties"}},
	} {
		dir := kafkaDir(t)
		test.spoil(t, dir)
		var out bytes.Buffer
		properties := map[string]string{"log.dirs": dir}
		for key, value := range test.properties {
			properties[key] = value
		}
		n, err := startOn(t, &out, properties)
		if err == nil {
			n.Close()
			t.Errorf("%s: it starts", test.name)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", test.name, err, want)
			}
		}
	}
}

// appendToLog goes on with Kafka's metadata log.
func appendToLog(t *testing.T, dir string, records ...kraft.Record) {
	t.Helper()
	log, err := kraft.Read(os.DirFS(filepath.Join(dir, kraft.LogDir)))
	if err != nil {
		t.Fatal(err)
	}
	b := record.NewBuilder(record.CodecNone)
	b.BaseOffset, b.LeaderEpoch = log.End, log.Epoch
	for _, r := range records {
		if err := b.Append(&record.Record{Value: kraft.AppendRecord(nil, r, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	data, err := b.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, kraft.LogDir, kafkaLog), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
}

// Apache Kafka ran on the directory after Ottla: neither side may win without a word.
func TestKafkaWentOnAfterTheTakeover(t *testing.T) {
	dir := kafkaDir(t)
	var out bytes.Buffer
	n, err := startOn(t, &out, map[string]string{"log.dirs": dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	// A start that failed leaves what only the controller wrote.
	appendToLog(t, dir, &kraft.NoOpRecord{}, &kraft.RegisterControllerRecord{ControllerID: 1})
	if n, err = startOn(t, &out, map[string]string{"log.dirs": dir}); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	appendToLog(t, dir, &kraft.ProducerIDsRecord{NextProducerID: 5000})
	want := "Apache Kafka has run on it"
	if n, err := startOn(t, &out, map[string]string{"log.dirs": dir}); err == nil || !strings.Contains(err.Error(), want) {
		if err == nil {
			n.Close()
		}
		t.Errorf("start: %v", err)
	}
	o := ExportOptions{LogDirs: []string{dir}, Logger: slog.New(slog.DiscardHandler), Now: time.Now()}
	if _, err := ExportMetadata(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("export: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, metadataDir, markFile)); err != nil { // as the message tells
		t.Fatal(err)
	}
	if n, err = startOn(t, &out, map[string]string{"log.dirs": dir}); err != nil {
		t.Fatal(err)
	}
	n.Close()
}

// An export that ended before Ottla's metadata was out of the way has not happened: the node starts as it was, and the export is done again.
func TestInterruptedExport(t *testing.T) {
	dir := kafkaDir(t)
	var out bytes.Buffer
	o := ExportOptions{LogDirs: []string{dir}, Logger: slog.New(slog.DiscardHandler), Now: time.Now()}
	var last int64
	for round := range 3 {
		n, err := startOn(t, &out, map[string]string{"log.dirs": dir})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		admin, _ := adminOf(t, n)
		if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, fmt.Sprintf("made-%d", round)); err != nil {
			t.Fatal(err)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		done, err := ExportMetadata(t.Context(), o)
		if err != nil || done.Topics != 11+round || done.EndOffset <= last {
			t.Fatalf("round %d: %+v, %v", round, done, err)
		}
		last = done.EndOffset
		if round < 2 {
			if err := os.Rename(done.Kept, filepath.Join(dir, metadataDir)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if took := strings.Count(out.String(), "took over the metadata"); took != 1 {
		t.Errorf("took over %d times", took)
	}
	log, err := kraft.Read(os.DirFS(filepath.Join(dir, kraft.LogDir)))
	if err != nil || log.State.Topic("made-2") == nil || log.End != last {
		t.Fatalf("%+v, %v", log, err)
	}
}
