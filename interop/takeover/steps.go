package main

import (
	"os"
	"path/filepath"
)

// beginWithKafka fills a directory with Apache Kafka and takes it over.
func (p *play) beginWithKafka() {
	var err error
	p.kafka, err = startKafka(p.ctx, p.dir, p.properties(), p.format())
	p.must("apache kafka starts", err)
	p.contents.addr = p.kafka.Addr()
	p.fill("apache kafka")
	p.check("apache kafka/secure", p.contents.secure(p.ctx))
	if p.scenario.format == nil { // the levels of Kafka 3.9 are without such groups
		p.check("apache kafka/commit in a group of KIP-848", p.contents.commitNew(p.ctx))
	}
	p.must("the cleaner is done", p.cleaned(p.kafka.Addr()))
	told := p.askAll(p.kafka.Addr(), false)
	secured := p.askAll(p.kafka.Addr(), true)
	p.endKafka()
	p.ottla = &ottla{bin: p.o.bin, config: filepath.Join(p.dir, "server.properties"), addr: p.kafka.Addr(), logFile: filepath.Join(p.dir, "ottla.log")}
	p.must("ottla starts on it", p.ottla.start(p.ctx))
	p.compare("in ottla", told, p.askAll(p.ottla.addr, false))
	p.goOn("ottla", 1)
	p.contents.kept = secured // of what Ottla only keeps, the next answers of Apache Kafka are compared with these
}

// beginWithOttla fills a directory that only Ottla has known.
func (p *play) beginWithOttla() {
	// Apache Kafka is started only for its server.properties: what it made of the directory goes.
	b, err := startKafka(p.ctx, p.dir, p.properties(), p.format())
	p.must("settings", err)
	b.Kill()
	for _, dir := range append(p.logDirs(), p.properties()["metadata.log.dir"]) {
		if dir != "" {
			p.must("settings: no "+filepath.Base(dir), os.RemoveAll(dir))
		}
	}
	p.kafka = b
	p.contents.addr = b.Addr()
	p.ottla = &ottla{bin: p.o.bin, config: filepath.Join(p.dir, "server.properties"), addr: b.Addr(), logFile: filepath.Join(p.dir, "ottla.log")}
	p.must("ottla starts", p.ottla.start(p.ctx))
	p.fill("ottla")
	p.goOn("ottla", 1)
}

// fill makes the directory's first contents.
func (p *play) fill(who string) {
	c := p.contents
	p.must(who+"/create", c.create(p.ctx))
	p.must(who+"/all partitions have leaders", until(p.ctx, func() error { return ready(p.ctx, c.addr) }))
	p.must(who+"/produce", c.produce(p.ctx, 0))
	p.must(who+"/compact", c.compact(p.ctx, 0))
	p.must(who+"/commit", c.commit(p.ctx, 0))
	p.must(who+"/producer id", c.newProducerID(p.ctx))
	if c.transactions {
		p.check(who+"/transact", c.transact(p.ctx, 0))
		p.check(who+"/leave open", c.leaveOpen(p.ctx, 0))
	}
}

// goOn works with the directory on the node that has it now.
func (p *play) goOn(who string, round int) {
	c := p.contents
	p.check(who+" goes on/topics", c.changeTopics(p.ctx, round))
	p.must(who+" goes on/all partitions have leaders", until(p.ctx, func() error { return ready(p.ctx, c.addr) }))
	p.check(who+" goes on/produce", c.produce(p.ctx, round))
	p.check(who+" goes on/compact", c.compact(p.ctx, round))
	p.check(who+" goes on/commit", c.commit(p.ctx, round))
	p.check(who+" goes on/producer id", c.newProducerID(p.ctx))
	if c.transactions {
		p.check(who+" goes on/end what was open", c.endOpen(p.ctx))
		p.check(who+" goes on/transact", c.transact(p.ctx, round))
		p.check(who+" goes on/leave open", c.leaveOpen(p.ctx, round))
	}
	p.check(who+" goes on/the cleaner is done", p.cleaned(c.addr))
}
