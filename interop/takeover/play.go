package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/interop/apachekafka"
)

// scenario is one way of a directory.
type scenario struct {
	name      string
	killed    bool     // nodes end as by kill -9
	format    []string // further arguments of kafka-storage format
	dirs      []string // under the scenario's directory: log.dirs; nil: Kafka's default, "data"
	metadata  string   // metadata.log.dir
	dynamic   bool     // the quorum is dynamic (kraft.version 1): no controller.quorum.voters
	fromOttla bool     // the directory begins its life with Ottla
}

var scenarios = []scenario{
	{name: "stopped"},
	{name: "killed", killed: true},
	{name: "several directories, dynamic quorum", dirs: []string{"a", "b"}, metadata: "m", dynamic: true},
	{name: "of Kafka 3.9", format: []string{"--release-version", "3.9"}},
	{name: "from ottla", fromOttla: true},
	{name: "from ottla, dynamic quorum", fromOttla: true, dirs: []string{"a", "b"}, metadata: "m", dynamic: true, killed: true},
}

// play runs one scenario.
type play struct {
	ctx      context.Context
	o        options
	scenario scenario
	dir      string

	kafka    *apachekafka.Broker
	ottla    *ottla
	contents *contents

	passed, failed int
}

// errStop ends a scenario whose next steps make no sense after a failure.
var errStop = errors.New("stop")

func (p *play) check(name string, err error) {
	name = p.scenario.name + "/" + name
	if err == nil {
		p.passed++
		fmt.Println("PASS", name)
		return
	}
	p.failed++
	fmt.Printf("FAIL %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", "\n    "))
}

// must checks a step that the others need.
func (p *play) must(name string, err error) {
	p.check(name, err)
	if err != nil {
		panic(errStop)
	}
}

func (p *play) run() {
	defer func() {
		if p.kafka != nil {
			p.kafka.Kill()
		}
		if p.ottla != nil {
			p.ottla.Kill()
		}
		if cause := recover(); cause != nil && cause != errStop {
			panic(cause)
		}
	}()
	p.contents = &contents{transactions: !p.o.noTransactions}
	if p.scenario.fromOttla {
		p.beginWithOttla()
	} else {
		p.beginWithKafka()
	}
	// Ottla has gone on with it. Back to Apache Kafka, which goes on too, and again to Ottla.
	told := p.askAll(p.contents.addr, false)
	p.endOttla()
	p.must("export", p.ottla.export(p.ctx, p.logDirs(), p.exportArgs()...))
	p.must("apache kafka starts on it", p.restartKafka())
	p.compare("back in apache kafka", told, p.askAll(p.kafka.Addr(), true))
	p.goOn("apache kafka", 2)
	told = p.askAll(p.kafka.Addr(), false)
	p.endKafka()
	p.must("ottla starts on it again", p.ottla.start(p.ctx))
	p.compare("again in ottla", told, p.askAll(p.ottla.addr, false))
	p.goOn("ottla again", 3)
	p.check("ottla stops again", p.ottla.stop())
}

func (p *play) properties() map[string]string {
	all := map[string]string{}
	if p.scenario.dirs != nil {
		all["log.dirs"] = strings.Join(p.logDirs(), ",")
	}
	if p.scenario.metadata != "" {
		all["metadata.log.dir"] = filepath.Join(p.dir, p.scenario.metadata)
	}
	if p.scenario.dynamic {
		all["controller.quorum.voters"] = ""
		all["controller.quorum.bootstrap.servers"] = "127.0.0.1:1" // the voters tell the real one
	}
	return all
}

func (p *play) format() []string {
	if p.scenario.dynamic {
		return append([]string{"--standalone"}, p.scenario.format...)
	}
	return p.scenario.format
}

func (p *play) logDirs() []string {
	if p.scenario.dirs == nil {
		return []string{filepath.Join(p.dir, "data")}
	}
	var dirs []string
	for _, d := range p.scenario.dirs {
		dirs = append(dirs, filepath.Join(p.dir, d))
	}
	return dirs
}

func (p *play) exportArgs() []string {
	var args []string
	if p.scenario.metadata != "" {
		args = append(args, "--metadata-dir", filepath.Join(p.dir, p.scenario.metadata))
	}
	if p.scenario.dynamic && p.scenario.fromOttla { // nobody has told of voters yet
		args = append(args, "--controller", p.kafka.ControllerAddr())
	}
	return args
}

func (p *play) askAll(addr string, kafka bool) answers {
	p.must("all partitions have leaders", until(p.ctx, func() error { return ready(p.ctx, addr) }))
	a, err := askAll(p.ctx, addr, kafka)
	if err != nil {
		p.must("ask "+addr, err)
	}
	return a
}

// compare checks each answer against the one of the node before.
func (p *play) compare(where string, want, got answers) {
	for _, q := range questions {
		before, asked := want[q.name]
		if q.kafkaOnly && p.contents.kept != nil {
			before, asked = p.contents.kept[q.name], got[q.name] != nil
		}
		if !asked || !p.contents.transactions && strings.HasPrefix(q.name, "transactions") {
			continue
		}
		var err error
		if found := compare(q.name, before, got[q.name]); len(found) > 0 {
			var lines []string
			for _, d := range found[:min(len(found), 12)] {
				lines = append(lines, d.String())
			}
			err = fmt.Errorf("%d of %d fields differ\n%s", len(found), len(before), strings.Join(lines, "\n"))
		} else if len(before) == 0 {
			err = errors.New("the answer was empty")
		} else if text, failed := before["error"]; failed {
			err = errors.New(text)
		}
		p.check(where+"/"+q.name, err)
	}
}

// startOffsetPatience is longer than log.flush.start.offset.checkpoint.interval.ms of both nodes: a node that is killed before forgets where
// DeleteRecords has set the beginning of a log.
const startOffsetPatience = 1500 * time.Millisecond

// endKafka stops Apache Kafka, or kills it.
func (p *play) endKafka() {
	if p.scenario.killed {
		time.Sleep(startOffsetPatience)
		p.kafka.Kill()
		return
	}
	p.must("apache kafka stops", p.kafka.Shutdown())
}

// endOttla stops Ottla, or kills it.
func (p *play) endOttla() {
	if p.scenario.killed {
		time.Sleep(startOffsetPatience)
		p.ottla.Kill()
		return
	}
	p.must("ottla stops", p.ottla.stop())
}

// ready asks whether every partition is led, and the leader has it open.
func ready(ctx context.Context, addr string) error {
	s := &session{ctx: ctx, addr: addr}
	if err := s.findTopics(); err != nil {
		return err
	}
	a, err := s.offsets(0)
	if err != nil {
		return err
	}
	for path, value := range a {
		if strings.HasSuffix(path, "ErrorCode") && value != "0" {
			return fmt.Errorf("%s: %s", path, value)
		}
	}
	return nil
}

func (p *play) restartKafka() error {
	ctx, cancel := context.WithTimeout(p.ctx, startPatience)
	defer cancel()
	err := p.kafka.Restart(ctx)
	if err != nil && p.o.keep {
		return fmt.Errorf("%w\n%s", err, filepath.Join(p.dir, "broker.log"))
	}
	return err
}

// cleaned waits until the compacted topic does not change any more.
func (p *play) cleaned(addr string) error {
	last, since := "", time.Now()
	return until(p.ctx, func() error {
		s := &session{ctx: p.ctx, addr: addr}
		now, err := s.compacted()
		if err != nil {
			return err
		}
		if now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) < 2*time.Second {
			return errors.New("the cleaner is at work")
		}
		return nil
	})
}

// compacted tells the batches of the compacted topic.
func (s *session) compacted() (string, error) {
	if err := s.findTopics(); err != nil {
		return "", err
	}
	s.topics = slices.DeleteFunc(s.topics, func(t kmsg.MetadataResponseTopic) bool { return *t.Topic != topicCompact })
	all, err := s.fetch(0)
	if err != nil {
		return "", err
	}
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, path+" "+all[path])
	}
	return strings.Join(lines, "\n"), nil
}
