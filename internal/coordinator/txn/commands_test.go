package txn

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/scripttest"
	"ottla.dev/ottla/internal/protocol"
)

func idOf(c scripttest.Command) string { return c.Str("id", "x") }

// producerOf reads "1000/3", a producer id and its epoch.
func producerOf(c scripttest.Command, otherwise string) (int64, int16) {
	id, epoch, _ := strings.Cut(c.Str("p", otherwise), "/")
	i, err1 := strconv.ParseInt(id, 10, 64)
	e, err2 := strconv.ParseInt(epoch, 10, 16)
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	return i, int16(e)
}

func parsePartitions(list string) []TopicPartition {
	var partitions []TopicPartition
	for _, s := range strings.Split(list, ",") {
		topic, p, ok := strings.Cut(s, "/")
		n, err := strconv.Atoi(p)
		if !ok || err != nil {
			panic("no partition: " + s)
		}
		partitions = append(partitions, TopicPartition{topic, int32(n)})
	}
	return partitions
}

// run runs one command:
//
//	init L [id= p=producer/epoch timeout= v=]     InitProducerId; L labels the answer
//	add L p= parts=t/0,t/1 [id= tv2]              AddPartitionsToTxn, by a client or (tv2) a partition leader
//	verify L p= parts= [id=]                      the same, verifying only
//	end L commit|abort p= [id= v=]                EndTxn
//	describe L [id=]
//	list L [v= states=A,B producers=1,2 longer=ms pattern=]
//	answer n [none] [t/0=CODE]…                   what markers n met; NONE where nothing is said
//	level 0|1|2; set name=value; gone t/0; back t/0
//	ids manual; id; id CODE                       producer ids come when they are told to
//	reload                                        the partition is loaded again
//	powercut [lose=n] [open=]; decisions open=    the machine went down; see world.powerCut
//	elected                                       in a newer epoch, without a load
//	poke p=producer/epoch [id= state=]            another coordinator left this in the log; the partition is loaded
//
// and those of scripttest.Stage.
func (w *world) run(line string) error {
	c := scripttest.Parse(line)
	word := c.Word()
	switch c.Verb {
	case "init", "add", "verify", "end", "describe", "list":
		w.request(c)
	case "answer":
		return w.answer(c)
	case "id":
		return w.giveID(word)
	case "reload":
		return w.reload()
	case "powercut":
		return w.powerCut(c)
	case "decisions":
		w.decisions(c)
	case "elected":
		w.apply(w.m.ResumeMarkers(w.Now))
	case "poke":
		return w.poke(c)
	default:
		return w.control(c)
	}
	return nil
}

func (w *world) control(c scripttest.Command) error {
	switch word := c.Word(); c.Verb {
	case "level":
		w.level = int16(word[0] - '0')
	case "gone", "back":
		w.gone[parsePartitions(word)[0]] = c.Verb == "gone"
	case "ids":
		w.manualIDs = word == "manual"
		w.settle()
	case "set":
		w.config.MaxTimeoutMs = int32(c.Num("max_timeout", int64(w.config.MaxTimeoutMs)))
		w.config.IDExpirationMs = c.Num("expiration", w.config.IDExpirationMs)
		w.config.RemoveExpiredIntervalMs = c.Num("expiration_interval", w.config.RemoveExpiredIntervalMs)
		w.config.AbortTimedOutIntervalMs = c.Num("timeout_interval", w.config.AbortTimedOutIntervalMs)
		w.nextID = c.Num("next_id", w.nextID)
	default:
		err := w.Run(c)
		w.settle()
		return err
	}
	return nil
}

func (w *world) request(c scripttest.Command) {
	answered := w.Asked(c.Word())
	switch c.Verb {
	case "init":
		w.initProducerID(c, answered)
	case "add":
		pid, epoch := producerOf(c, "")
		var version int16
		if c.Is("tv2") {
			version = 2
		}
		w.apply(w.m.AddPartitions(w.Now, idOf(c), pid, epoch, parsePartitions(c.Str("parts", "")), version, func(code protocol.Code) { answered("%s", code.Name()) }))
	case "verify":
		pid, epoch := producerOf(c, "")
		var names []string
		for _, code := range w.m.VerifyPartitions(idOf(c), pid, epoch, parsePartitions(c.Str("parts", ""))) {
			names = append(names, code.Name())
		}
		answered("%s", strings.Join(names, " "))
	case "end":
		w.endTxn(c, answered)
	case "describe":
		w.describe(c, answered)
	case "list":
		w.list(c, answered)
	}
}

func (w *world) initProducerID(c scripttest.Command, answered func(string, ...any)) {
	id := idOf(c)
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version = c.Version(5)
	req.TransactionalID = &id
	req.TransactionTimeoutMillis = int32(c.Num("timeout", 60_000))
	req.ProducerID, req.ProducerEpoch = producerOf(c, "-1/-1")
	reply := func(resp *kmsg.InitProducerIDResponse) {
		answered("%s %d/%d", protocol.Code(resp.ErrorCode).Name(), resp.ProducerID, resp.ProducerEpoch)
	}
	if code := CheckInitProducerID(w.config, req); code != protocol.None {
		reply(InitProducerIDError(req, code))
		return
	}
	w.apply(w.m.InitProducerID(w.Now, req, reply))
}

func (w *world) endTxn(c scripttest.Command, answered func(string, ...any)) {
	req := kmsg.NewPtrEndTxnRequest()
	req.Version = c.Version(5)
	req.TransactionalID = idOf(c)
	req.Commit = c.Is("commit")
	req.ProducerID, req.ProducerEpoch = producerOf(c, "")
	w.apply(w.m.EndTxn(w.Now, req, func(resp *kmsg.EndTxnResponse) {
		answered("%s %d/%d", protocol.Code(resp.ErrorCode).Name(), resp.ProducerID, resp.ProducerEpoch)
	}))
}

func (w *world) describe(c scripttest.Command, answered func(string, ...any)) {
	d := w.m.DescribeTransaction(idOf(c))
	var topics []TopicPartitions
	for _, t := range d.Topics {
		topics = append(topics, TopicPartitions{t.Topic, t.Partitions})
	}
	if d.ErrorCode != 0 {
		answered("%s", protocol.Code(d.ErrorCode).Name())
		return
	}
	answered("%s %d/%d timeout=%d start=%s %s", d.State, d.ProducerID, d.ProducerEpoch, d.TimeoutMillis, w.Since(d.StartTimestamp), formatTopics(topics))
}

func (w *world) list(c scripttest.Command, answered func(string, ...any)) {
	req := kmsg.NewPtrListTransactionsRequest()
	req.Version = c.Version(2)
	req.DurationFilterMillis = c.Num("longer", -1)
	req.StateFilters = c.List("states")
	for _, p := range c.List("producers") {
		n, err := strconv.ParseInt(p, 10, 64)
		if err != nil {
			panic(err)
		}
		req.ProducerIDFilters = append(req.ProducerIDFilters, n)
	}
	req.TransactionalIDPattern = c.Optional("pattern")
	filter, err := NewListFilter(req)
	if err != nil {
		answered("%v", protocol.CodeOf(err).Name())
		return
	}
	var parts []string
	for _, t := range w.m.ListTransactions(w.Now, filter) {
		parts = append(parts, fmt.Sprintf("[%s %d %s]", t.TransactionalID, t.ProducerID, t.TransactionState))
	}
	for _, name := range filter.UnknownStates {
		parts = append(parts, "unknown="+name)
	}
	answered("%s", strings.Join(parts, " "))
}

// answer answers markers that were sent, all of them or those that are named.
func (w *world) answer(c scripttest.Command) error {
	n, err := strconv.Atoi(c.Word())
	if err != nil || n < 1 || n > len(w.sent) {
		return fmt.Errorf("no markers %q", c.Word())
	}
	sent := w.sent[n-1]
	if c.Is("none") {
		w.apply(w.m.MarkersAnswered(w.Now, sent, nil))
		return nil
	}
	said := make(map[string]protocol.Code)
	for tp, name := range c.Args {
		said[tp] = scripttest.Code(name)
	}
	w.apply(w.m.MarkersAnswered(w.Now, sent, answerTo(sent, func(tp TopicPartition) protocol.Code {
		return said[fmt.Sprintf("%s/%d", tp.Topic, tp.Partition)]
	})))
	return nil
}

func answerTo(sent *Markers, code func(TopicPartition) protocol.Code) *kmsg.WriteTxnMarkersResponseMarker {
	answer := kmsg.NewWriteTxnMarkersResponseMarker()
	answer.ProducerID = sent.ProducerID
	for _, t := range sent.Topics {
		topic := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
			partition.Partition, partition.ErrorCode = p, int16(code(TopicPartition{t.Topic, p}))
			topic.Partitions = append(topic.Partitions, partition)
		}
		answer.Topics = append(answer.Topics, topic)
	}
	return &answer
}

func (w *world) giveID(code string) error {
	if w.fetches == 0 {
		return errors.New("nobody asked for a producer id")
	}
	w.fetches--
	if code != "" {
		w.apply(w.m.ProducerID(w.Now, -1, protocol.Errorf(scripttest.Code(code), "told to fail")))
		return nil
	}
	w.nextID++
	w.apply(w.m.ProducerID(w.Now, w.nextID-1, nil))
	return nil
}

// poke writes a record as if the coordinator had come that far.
func (w *world) poke(c scripttest.Command) error {
	state, ok := parseState(c.Str("state", "CompleteAbort"))
	if !ok {
		return errors.New("there is no such state")
	}
	md := newMetadata(0, 60_000, w.Now.UnixMilli())
	md.state = state
	md.startMs = w.Now.UnixMilli()
	md.producerID, md.producerEpoch = producerOf(c, "")
	if md.previousProducerID = md.producerID; state == Ongoing {
		md.topics = []TopicPartitions{{"t", []int32{0}}}
	}
	r, _ := encodeRecord(idOf(c), md, 1, nil)
	w.log = append(w.log, r)
	return w.reload()
}
