package txn

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// actor is a producer that takes turns with others under one transactional id.
type actor struct {
	name      string
	id        string
	pid       int64
	epoch     int16
	knows     bool             // it was given a producer id
	fenced    bool             // another one was given the id since
	added     []TopicPartition // to the transaction that is open
	lastEnd   *kmsg.EndTxnRequest
	ending    bool // it does not know what became of lastEnd, and repeats it
	clientVer int16
}

// written is a marker in a partition.
type written struct {
	pid    int64
	epoch  int16
	commit bool
}

// play is a run of random steps.
type play struct {
	*world
	t        *rapid.T
	actors   []*actor
	markerIn map[TopicPartition][]written
	everGone map[TopicPartition]bool
	open     []int // numbers of markers without an answer
	seenLog  int
	state    map[string]*metadata // by what was in the log so far
	usedPIDs map[int64]string
}

var ids = []string{"x", "y"}

func newPlay(t *rapid.T) *play {
	p := &play{
		world: newWorld(), t: t, markerIn: make(map[TopicPartition][]written), everGone: make(map[TopicPartition]bool),
		state: make(map[string]*metadata), usedPIDs: make(map[int64]string),
	}
	for _, id := range ids {
		for i := range 2 {
			p.actors = append(p.actors, &actor{name: fmt.Sprintf("%s%d", id, i), id: id})
		}
	}
	p.level = int16(rapid.IntRange(0, 2).Draw(t, "level"))
	if rapid.Bool().Draw(t, "nearly exhausted") {
		for i, id := range ids {
			pid := int64(100 + i)
			must(p.run(fmt.Sprintf("poke id=%s p=%d/%d", id, pid, math.MaxInt16-1-rapid.IntRange(0, 4).Draw(t, "left"))))
		}
	}
	return p
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (p *play) actor() *actor { return rapid.SampledFrom(p.actors).Draw(p.t, "actor") }

func (p *play) partition() TopicPartition {
	return TopicPartition{"t", int32(rapid.IntRange(0, 3).Draw(p.t, "partition"))}
}

func (p *play) init(*rapid.T) {
	a := p.actor()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.TransactionalID, req.TransactionTimeoutMillis = 5, &a.id, 60_000
	req.ProducerID, req.ProducerEpoch = -1, -1
	claims := a.knows && rapid.Bool().Draw(p.t, "claims")
	if claims {
		req.ProducerID, req.ProducerEpoch = a.pid, a.epoch
	}
	wasFenced := a.fenced
	answered := p.Asked(a.name)
	p.apply(p.m.InitProducerID(p.Now, req, func(resp *kmsg.InitProducerIDResponse) {
		answered("%d", resp.ErrorCode)
		if resp.ErrorCode != 0 {
			return
		}
		if claims && wasFenced && a.fenced {
			p.fail("%s was fenced, and still got %d/%d by its old epoch", a.name, resp.ProducerID, resp.ProducerEpoch)
		}
		a.pid, a.epoch, a.knows, a.fenced, a.added, a.lastEnd, a.ending = resp.ProducerID, resp.ProducerEpoch, true, false, nil, nil, false
		a.clientVer = p.level
		for _, other := range p.actors {
			if other.id == a.id && other != a {
				other.fenced = true
			}
		}
	}))
}

func (p *play) fail(format string, args ...any) {
	p.Fault = errors.Join(p.Fault, fmt.Errorf(format, args...))
}

func (p *play) add(*rapid.T) {
	a := p.actor()
	if !a.knows || a.ending {
		return
	}
	tp := p.partition()
	version := int16(0)
	if a.clientVer >= 2 {
		version = 2
	}
	epoch := a.epoch
	answered := p.Asked(a.name)
	p.apply(p.m.AddPartitions(p.Now, a.id, a.pid, epoch, []TopicPartition{tp}, version, func(code protocol.Code) {
		answered("%s", code.Name())
		switch {
		case code != protocol.None:
		case a.fenced:
			p.fail("%s was fenced, and still added %s", a.name, tp)
		case a.epoch == epoch && !slices.Contains(a.added, tp):
			a.added = append(a.added, tp)
		}
	}))
}

func (p *play) verify(*rapid.T) {
	a := p.actor()
	tp := p.partition()
	if code := p.m.VerifyPartitions(a.id, a.pid, a.epoch, []TopicPartition{tp})[0]; code == protocol.None && a.fenced {
		p.fail("%s was fenced, and still may write to %s", a.name, tp)
	}
}

func (p *play) end(*rapid.T) {
	a := p.actor()
	if !a.knows {
		return
	}
	req := a.lastEnd
	if req == nil || !a.ending && !rapid.Bool().Draw(p.t, "again") {
		req = kmsg.NewPtrEndTxnRequest()
		req.Version = 4
		if a.clientVer >= 2 {
			req.Version = 5
		}
		req.TransactionalID, req.ProducerID, req.ProducerEpoch = a.id, a.pid, a.epoch
		req.Commit = rapid.Bool().Draw(p.t, "commit")
	}
	a.lastEnd, a.ending = req, true
	answered := p.Asked(a.name)
	p.apply(p.m.EndTxn(p.Now, req, func(resp *kmsg.EndTxnResponse) {
		answered("%d", resp.ErrorCode)
		switch protocol.Code(resp.ErrorCode) {
		case protocol.ConcurrentTransactions, protocol.CoordinatorNotAvailable, protocol.NotCoordinator, protocol.CoordinatorLoadInProgress, protocol.UnknownServerError:
			return
		}
		a.ending = false
		if resp.ErrorCode != 0 {
			a.added = nil
			return
		}
		p.checkEnded(a, req)
		if a.lastEnd == req && resp.ProducerID >= 0 {
			a.pid, a.epoch = resp.ProducerID, resp.ProducerEpoch
		}
	}))
}

// checkEnded verifies that an end that was answered as done is the one in the log, with all that was added.
func (p *play) checkEnded(a *actor, req *kmsg.EndTxnRequest) {
	if a.fenced {
		p.fail("%s was fenced, and still ended a transaction", a.name)
	}
	want := PrepareAbort
	if req.Commit {
		want = PrepareCommit
	}
	for _, r := range slices.Backward(p.log) {
		id, md := mustDecode(r)
		if id != a.id || md == nil || !md.state.isPrepared() {
			continue
		}
		if md.state != want {
			p.fail("%s was told %s, but the log has %s", a.name, want, md.state)
		}
		for _, tp := range a.added {
			if req == a.lastEnd && !contains(md.topics, tp) {
				p.fail("%s added %s, but it was not part of what ended", a.name, tp)
			}
		}
		break
	}
	a.added = nil
}

func mustDecode(r machine.Record) (string, *metadata) {
	id, err := decodeKey(r.Key)
	must(err)
	if r.Value == nil {
		return id, nil
	}
	md, err := decodeValue(r.Value)
	must(err)
	return id, md
}

// markers lets partitions write the markers of a request, or not, and the answer arrive, or not.
func (p *play) answerMarkers(*rapid.T) {
	for len(p.sent) > p.markers {
		p.markers++
		p.open = append(p.open, p.markers)
	}
	if len(p.open) == 0 {
		return
	}
	i := rapid.IntRange(0, len(p.open)-1).Draw(p.t, "which")
	number := p.open[i]
	fate := rapid.SampledFrom([]string{"answered", "answered", "answered", "lost", "repeated"}).Draw(p.t, "fate")
	if fate != "repeated" {
		p.open = slices.Delete(p.open, i, i+1)
	}
	p.deliver(p.sent[number-1], fate == "lost", func() protocol.Code {
		return rapid.SampledFrom([]protocol.Code{protocol.None, protocol.None, protocol.NotLeaderOrFollower, protocol.RequestTimedOut}).Draw(p.t, "code")
	})
}

func (p *play) deliver(sent *Markers, lost bool, outcome func() protocol.Code) {
	answer := answerTo(sent, func(tp TopicPartition) protocol.Code {
		code := outcome()
		if code == protocol.None || code == protocol.RequestTimedOut { // it may be there all the same
			p.markerIn[tp] = append(p.markerIn[tp], written{sent.ProducerID, sent.ProducerEpoch, sent.Commit})
		}
		return code
	})
	if lost {
		answer = nil
	}
	p.apply(p.m.MarkersAnswered(p.Now, sent, answer))
}

func (p *play) advanceTime(*rapid.T) {
	p.Advance(time.Duration(rapid.SampledFrom([]int{1, 150, 11_000, 70_000}).Draw(p.t, "ms")) * time.Millisecond)
}

func (p *play) watermark(*rapid.T) {
	must(p.run(rapid.SampledFrom([]string{"hold", "release", "timeout", "release"}).Draw(p.t, "what")))
}

func (p *play) appends(*rapid.T) {
	must(p.run(rapid.SampledFrom([]string{"refuse NOT_ENOUGH_REPLICAS", "accept", "accept", "refuse MESSAGE_TOO_LARGE", "accept"}).Draw(p.t, "what")))
}

func (p *play) producerIDs(*rapid.T) {
	if p.manualIDs = true; p.fetches == 0 {
		return
	}
	must(p.run(rapid.SampledFrom([]string{"id", "id", "id COORDINATOR_LOAD_IN_PROGRESS"}).Draw(p.t, "what")))
}

func (p *play) load(*rapid.T) { must(p.reload()) }

func (p *play) setLevel(*rapid.T) { p.level = int16(rapid.IntRange(0, 2).Draw(p.t, "level")) }

func (p *play) topics(*rapid.T) {
	tp := p.partition()
	p.gone[tp] = !p.gone[tp]
	p.everGone[tp] = true
}

// validBefore are the states that a record's state may follow in the log.
var validBefore = map[State][]State{
	Empty:          {Empty, CompleteCommit, CompleteAbort},
	Ongoing:        {Ongoing, Empty, CompleteCommit, CompleteAbort},
	PrepareCommit:  {Ongoing},
	PrepareAbort:   {Ongoing, Empty, CompleteCommit, CompleteAbort},
	CompleteCommit: {PrepareCommit},
	CompleteAbort:  {PrepareAbort},
}

// checkLog looks at what was written since the last look: each transaction takes its way, ends once, with its markers
// everywhere; and producer ids and epochs never come again.
func (p *play) checkLog() error {
	for ; p.seenLog < len(p.log); p.seenLog++ {
		id, md := mustDecode(p.log[p.seenLog])
		before := p.state[id]
		if p.state[id] = md; md == nil {
			continue
		}
		if owner, ok := p.usedPIDs[md.producerID]; ok && owner != id {
			return fmt.Errorf("producer id %d of %q is used by %q", md.producerID, owner, id)
		}
		if before == nil {
			p.usedPIDs[md.producerID] = id
			continue
		}
		if !slices.Contains(validBefore[md.state], before.state) {
			return fmt.Errorf("%q went from %s to %s", id, before.state, md.state)
		}
		if md.producerID == before.producerID && md.producerEpoch < before.producerEpoch {
			return fmt.Errorf("%q went from epoch %d to %d", id, before.producerEpoch, md.producerEpoch)
		}
		if md.producerID != before.producerID {
			if _, ok := p.usedPIDs[md.producerID]; ok {
				return fmt.Errorf("producer id %d came again", md.producerID)
			}
			p.usedPIDs[md.producerID] = id
		}
		if before.state.isPrepared() {
			if err := p.checkMarkers(id, before); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMarkers verifies that a transaction that is complete has its markers in every partition.
func (p *play) checkMarkers(id string, prepared *metadata) error {
	want := written{prepared.producerID, prepared.producerEpoch, prepared.state == PrepareCommit}
	other := want
	other.commit = !want.commit
	for _, topic := range prepared.topics {
		for _, n := range topic.Partitions {
			tp := TopicPartition{topic.Topic, n}
			if !slices.Contains(p.markerIn[tp], want) && !p.everGone[tp] {
				return fmt.Errorf("%q is complete, but %s has no marker %v", id, tp, want)
			}
			if prepared.clientVersion >= versionWithEpochBump && slices.Contains(p.markerIn[tp], other) {
				return fmt.Errorf("%q has both markers in %s", id, tp)
			}
		}
	}
	return nil
}

// quiesce lets everything succeed until nothing is left to do.
func (p *play) quiesce() error {
	p.Refuse, p.gone = nil, make(map[TopicPartition]bool)
	must(p.run("release"))
	p.manualIDs = false
	for range 50 {
		p.settle()
		for len(p.sent) > p.markers {
			p.markers++
			p.deliver(p.sent[p.markers-1], false, func() protocol.Code { return protocol.None })
		}
		p.Advance(60 * time.Second)
	}
	for _, n := range p.open { // answers that took very long
		p.deliver(p.sent[n-1], false, func() protocol.Code { return protocol.None })
	}
	for id, t := range p.m.transactions {
		if t.busy != idle || !t.latest.state.isExpirable() {
			// What was lost is not sent again: the sender always answers. Here that can be.
			return fmt.Errorf("%q ends in %s, busy %d", id, t.latest.state, t.busy)
		}
	}
	if err := p.checkLog(); err != nil {
		return err
	}
	return p.CheckAllAnswered()
}

// TestRandomPlays has producers that know nothing of each other use the same transactional ids, while markers fail, come
// late or twice, appends are refused or not committed in time, producer ids come late, and the partition is loaded again
// at any point.
func TestRandomPlays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPlay(t)
		t.Repeat(map[string]func(*rapid.T){
			"init": p.init, "add": p.add, "add too": p.add, "end": p.end, "end too": p.end, "verify": p.verify,
			"markers": p.answerMarkers, "more markers": p.answerMarkers, "advance": p.advanceTime, "watermark": p.watermark,
			"appends": p.appends, "producer ids": p.producerIDs, "load": p.load, "topics": p.topics, "level": p.setLevel,
			"": func(t *rapid.T) {
				if err := errors.Join(p.check(), p.checkLog()); err != nil {
					t.Fatalf("%v\n%s", err, p.Out.String())
				}
			},
		})
		if err := p.quiesce(); err != nil {
			t.Fatalf("%v\n%s", err, p.Out.String())
		}
	})
}
