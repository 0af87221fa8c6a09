package txn

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// arguments are what follows the name of a command: name=value, or words.
type arguments map[string]string

func (a arguments) string(name, otherwise string) string {
	if v, ok := a[name]; ok {
		return v
	}
	return otherwise
}

func (a arguments) int(name string, otherwise int64) int64 {
	v, ok := a[name]
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (a arguments) is(word string) bool { _, ok := a[word]; return ok }

func (a arguments) id() string { return a.string("id", "x") }

// producer reads "1000/3", a producer id and its epoch.
func (a arguments) producer(otherwise string) (int64, int16) {
	id, epoch, _ := strings.Cut(a.string("p", otherwise), "/")
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

func parseCode(name string) protocol.Code {
	for code := protocol.Code(-1); code < 200; code++ {
		if code.Name() == name {
			return code
		}
	}
	panic("no code: " + name)
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
//	advance 10s; level 0|1|2; set name=value; gone t/0; back t/0
//	hold; release; expire                         the high watermark stands still; goes on; did not move in time
//	refuse CODE; accept                           appends fail
//	ids manual; id; id CODE                       producer ids come when they are told to
//	reload                                        the partition is loaded again
//	elected                                       in a newer epoch, without a load
//	poke p=producer/epoch [id= state=]            another coordinator left this in the log; the partition is loaded
func (w *world) run(line string) error {
	fields := strings.Fields(line)
	args := make(arguments)
	for _, f := range fields[1:] {
		name, value, _ := strings.Cut(f, "=")
		args[name] = value
	}
	word := ""
	if len(fields) > 1 {
		word = fields[1]
	}
	switch fields[0] {
	case "init", "add", "verify", "end", "describe", "list":
		w.request(fields[0], word, args)
	case "answer":
		return w.answer(word, fields[2:])
	case "id":
		return w.giveID(word)
	case "advance":
		d, err := time.ParseDuration(word)
		if err != nil {
			return err
		}
		w.advance(d)
	case "reload":
		return w.reload()
	case "elected":
		w.apply(w.m.ResumeMarkers(w.now))
	case "poke":
		return w.poke(args)
	default:
		return w.control(fields[0], word, args)
	}
	return nil
}

func (w *world) control(command, word string, args arguments) error {
	switch command {
	case "level":
		w.level = int16(word[0] - '0')
	case "gone", "back":
		w.gone[parsePartitions(word)[0]] = command == "gone"
	case "hold":
		w.hold = true
	case "release":
		w.hold = false
		w.release(nil)
		w.settle()
	case "expire":
		w.release(protocol.RequestTimedOut)
		w.settle()
	case "refuse":
		w.refuse = protocol.Errorf(parseCode(word), "told to refuse")
	case "accept":
		w.refuse = nil
	case "ids":
		w.manualIDs = word == "manual"
		w.settle()
	case "set":
		w.config.MaxTimeoutMs = int32(args.int("max_timeout", int64(w.config.MaxTimeoutMs)))
		w.config.IDExpirationMs = args.int("expiration", w.config.IDExpirationMs)
		w.config.RemoveExpiredIntervalMs = args.int("expiration_interval", w.config.RemoveExpiredIntervalMs)
		w.config.AbortTimedOutIntervalMs = args.int("timeout_interval", w.config.AbortTimedOutIntervalMs)
		w.nextID = args.int("next_id", w.nextID)
	default:
		return fmt.Errorf("there is no command %q", command)
	}
	return nil
}

func (w *world) request(command, label string, args arguments) {
	answered := w.asked(label)
	switch command {
	case "init":
		w.initProducerID(args, answered)
	case "add":
		pid, epoch := args.producer("")
		var version int16
		if args.is("tv2") {
			version = 2
		}
		w.apply(w.m.AddPartitions(w.now, args.id(), pid, epoch, parsePartitions(args["parts"]), version, func(code protocol.Code) { answered("%s", code.Name()) }))
	case "verify":
		pid, epoch := args.producer("")
		var names []string
		for _, code := range w.m.VerifyPartitions(args.id(), pid, epoch, parsePartitions(args["parts"])) {
			names = append(names, code.Name())
		}
		answered("%s", strings.Join(names, " "))
	case "end":
		w.endTxn(args, answered)
	case "describe":
		w.describe(args, answered)
	case "list":
		w.list(args, answered)
	}
}

func (w *world) initProducerID(args arguments, answered func(string, ...any)) {
	id := args.id()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version = int16(args.int("v", 5))
	req.TransactionalID = &id
	req.TransactionTimeoutMillis = int32(args.int("timeout", 60_000))
	req.ProducerID, req.ProducerEpoch = args.producer("-1/-1")
	reply := func(resp *kmsg.InitProducerIDResponse) {
		answered("%s %d/%d", protocol.Code(resp.ErrorCode).Name(), resp.ProducerID, resp.ProducerEpoch)
	}
	if code := CheckInitProducerID(w.config, req); code != protocol.None {
		reply(InitProducerIDError(req, code))
		return
	}
	w.apply(w.m.InitProducerID(w.now, req, reply))
}

func (w *world) endTxn(args arguments, answered func(string, ...any)) {
	req := kmsg.NewPtrEndTxnRequest()
	req.Version = int16(args.int("v", 5))
	req.TransactionalID = args.id()
	req.Commit = args.is("commit")
	req.ProducerID, req.ProducerEpoch = args.producer("")
	w.apply(w.m.EndTxn(w.now, req, func(resp *kmsg.EndTxnResponse) {
		answered("%s %d/%d", protocol.Code(resp.ErrorCode).Name(), resp.ProducerID, resp.ProducerEpoch)
	}))
}

func (w *world) describe(args arguments, answered func(string, ...any)) {
	d := w.m.DescribeTransaction(args.string("id", "x"))
	var topics []TopicPartitions
	for _, t := range d.Topics {
		topics = append(topics, TopicPartitions{t.Topic, t.Partitions})
	}
	if d.ErrorCode != 0 {
		answered("%s", protocol.Code(d.ErrorCode).Name())
		return
	}
	answered("%s %d/%d timeout=%d start=%s %s", d.State, d.ProducerID, d.ProducerEpoch, d.TimeoutMillis, w.since(d.StartTimestamp), formatTopics(topics))
}

func (w *world) list(args arguments, answered func(string, ...any)) {
	req := kmsg.NewPtrListTransactionsRequest()
	req.Version = int16(args.int("v", 2))
	req.DurationFilterMillis = args.int("longer", -1)
	if s := args["states"]; s != "" {
		req.StateFilters = strings.Split(s, ",")
	}
	if s := args["producers"]; s != "" {
		for _, p := range strings.Split(s, ",") {
			n, err := strconv.ParseInt(p, 10, 64)
			if err != nil {
				panic(err)
			}
			req.ProducerIDFilters = append(req.ProducerIDFilters, n)
		}
	}
	if s, ok := args["pattern"]; ok {
		req.TransactionalIDPattern = &s
	}
	filter, err := NewListFilter(req)
	if err != nil {
		answered("%v", protocol.CodeOf(err).Name())
		return
	}
	var parts []string
	for _, t := range w.m.ListTransactions(w.now, filter) {
		parts = append(parts, fmt.Sprintf("[%s %d %s]", t.TransactionalID, t.ProducerID, t.TransactionState))
	}
	for _, name := range filter.UnknownStates {
		parts = append(parts, "unknown="+name)
	}
	answered("%s", strings.Join(parts, " "))
}

// answer answers markers that were sent, all of them or those that are named.
func (w *world) answer(number string, codes []string) error {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(w.sent) {
		return fmt.Errorf("no markers %q", number)
	}
	sent := w.sent[n-1]
	said := make(map[string]protocol.Code)
	for _, c := range codes {
		if c == "none" {
			w.apply(w.m.MarkersAnswered(w.now, sent, nil))
			return nil
		}
		tp, name, _ := strings.Cut(c, "=")
		said[tp] = parseCode(name)
	}
	w.apply(w.m.MarkersAnswered(w.now, sent, answerTo(sent, func(tp TopicPartition) protocol.Code {
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
		w.apply(w.m.ProducerID(w.now, -1, protocol.Errorf(parseCode(code), "told to fail")))
		return nil
	}
	w.nextID++
	w.apply(w.m.ProducerID(w.now, w.nextID-1, nil))
	return nil
}

// poke writes a record as if the coordinator had come that far.
func (w *world) poke(args arguments) error {
	state, ok := parseState(args.string("state", "CompleteAbort"))
	if !ok {
		return errors.New("there is no such state")
	}
	md := newMetadata(0, 60_000, w.now.UnixMilli())
	md.state = state
	md.startMs = w.now.UnixMilli()
	md.producerID, md.producerEpoch = args.producer("")
	if md.previousProducerID = md.producerID; state == Ongoing {
		md.topics = []TopicPartitions{{"t", []int32{0}}}
	}
	r, _ := encodeRecord(args.id(), md, 1, nil)
	w.log = append(w.log, r)
	return w.reload()
}
