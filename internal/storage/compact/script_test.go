package compact

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/record"
)

// The scripts in testdata are logs in text. A block of lines after "log" is appended, one batch per line:
//
//	BASE[-LAST] [pid:ID/EPOCH/SEQUENCE] [txn] [commit|abort] [codec:NAME] [append:MS] [horizon:MS] KEY=VALUE[@DELTA][~MS]...
//
// "-" is no value, no key stands before "=" for a record without one. A block after "clean" is what the log is after a cleaning:
//
//	clean [now=MS] [retention=MS] [dirty=OFFSET] [end=OFFSET] [keep=OFFSET] [keys=N] [producer=ID:LASTOFFSET:EPOCH]
//
// with "aborted ID:FIRST-LAST" lines for the transaction index and "cleaned OFFSET" where the map did not hold all keys.
type script struct {
	t       *testing.T
	batches []record.Batch
	aborted []AbortedTransaction
	open    map[int64]int64 // first offsets of open transactions
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			playScript(t, string(text))
		})
	}
}

func playScript(t *testing.T, text string) {
	s := &script{t: t, open: map[int64]int64{}}
	var command string
	var block []string
	run := func() {
		switch word, _, _ := strings.Cut(command, " "); word {
		case "":
		case "log":
			for _, line := range block {
				s.append(line)
			}
		case "new":
			s.batches, s.aborted, s.open = nil, nil, map[int64]int64{}
		case "clean":
			got, want := s.clean(command), strings.Join(block, "\n")
			if got != want {
				t.Errorf("%s gave\n%s\nwant\n%s", command, got, want)
			}
		default:
			t.Fatalf("unknown command %q", command)
		}
		block = nil
	}
	for line := range strings.Lines(text) {
		indented := strings.HasPrefix(line, " ")
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case indented:
			block = append(block, strings.Join(strings.Fields(line), " "))
		default:
			run()
			command = line
		}
	}
	run()
}

func (s *script) number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		s.t.Fatalf("%q is no number", text)
	}
	return n
}

func (s *script) append(line string) {
	fields := strings.Fields(line)
	b := record.NewBuilder(record.CodecNone)
	first, last, hasLast := strings.Cut(fields[0], "-")
	b.BaseOffset = s.number(first)
	b.LeaderEpoch = 3
	marker := ""
	var records []record.Record
	delta := int32(0)
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, ":")
		switch {
		case key == "pid":
			parts := strings.Split(value, "/")
			b.ProducerID, b.ProducerEpoch, b.BaseSequence = s.number(parts[0]), int16(s.number(parts[1])), int32(s.number(parts[2]))
		case key == "codec":
			b.Codec, _ = record.ParseCodec(value)
		case key == "append":
			b.LogAppendTimeMs = s.number(value)
		case key == "txn":
			b.Transactional = true
		case key == "commit" || key == "abort":
			b.Transactional, b.Control, marker = true, true, key
		default:
			r := s.record(f, &delta)
			records = append(records, r)
		}
	}
	if marker != "" {
		kind := record.ControlCommit
		if marker == "abort" {
			kind = record.ControlAbort
		}
		records = append(records, record.Marker{Type: kind}.Record(0))
		s.end(b, marker == "abort")
	} else if b.Transactional {
		if _, ok := s.open[b.ProducerID]; !ok {
			s.open[b.ProducerID] = b.BaseOffset
		}
	}
	for i := range records {
		if err := b.AppendAt(records[i].OffsetDelta, &records[i]); err != nil {
			s.t.Fatal(err)
		}
	}
	batch, err := b.Build()
	if err != nil {
		s.t.Fatal(err)
	}
	if hasLast && batch.LastOffset() != s.number(last) {
		s.t.Fatalf("%s: the last offset is %d", line, batch.LastOffset())
	}
	s.batches = append(s.batches, batch)
}

func (s *script) record(text string, delta *int32) record.Record {
	text, at, hasTime := strings.Cut(text, "~")
	r := record.Record{Timestamp: record.NoTimestamp}
	if hasTime {
		r.Timestamp = s.number(at)
	}
	text, offset, hasOffset := strings.Cut(text, "@")
	if hasOffset {
		*delta = int32(s.number(offset))
	}
	r.OffsetDelta = *delta
	*delta++
	key, value, _ := strings.Cut(text, "=")
	if key != "" {
		r.Key = []byte(key)
	}
	if value != "-" {
		r.Value = []byte(value)
	}
	return r
}

func (s *script) end(b *record.Builder, aborted bool) {
	first, ok := s.open[b.ProducerID]
	delete(s.open, b.ProducerID)
	if ok && aborted {
		s.aborted = append(s.aborted, AbortedTransaction{ProducerID: b.ProducerID, FirstOffset: first, LastOffset: b.BaseOffset, LastStableOffset: b.BaseOffset})
	}
}

func (s *script) clean(command string) string {
	end := s.batches[len(s.batches)-1].NextOffset()
	filter := Filter{NowMs: 1000, DeleteRetentionMs: 100, Producers: map[int64]LastRecord{}, KeepBefore: -1}
	x := Indexer{MaxKeys: 100}
	for _, f := range strings.Fields(command)[1:] {
		name, value, _ := strings.Cut(f, "=")
		switch name {
		case "now":
			filter.NowMs = s.number(value)
		case "retention":
			filter.DeleteRetentionMs = s.number(value)
		case "dirty":
			x.Start = s.number(value)
		case "end":
			end = s.number(value)
		case "keep":
			filter.KeepBefore = s.number(value)
		case "keys":
			x.MaxKeys = int(s.number(value))
		case "producer":
			parts := strings.Split(value, ":")
			filter.Producers[s.number(parts[0])] = LastRecord{s.number(parts[1]), int16(s.number(parts[2]))}
		default:
			s.t.Fatalf("unknown parameter %q", f)
		}
	}
	x.Map = NewOffsetMap(1<<20, 128)
	x.Transactions.Add(s.aborted)
	full := false
	for _, b := range s.batches {
		if b.LastOffset() < x.Start || b.BaseOffset() >= end || full {
			continue
		}
		var err error
		if full, err = x.Add(b); err != nil {
			s.t.Fatal(err)
		}
	}
	if !full {
		x.Map.Passed(end - 1)
	}
	filter.Map = x.Map
	filter.Transactions.Add(s.aborted)
	var out []byte
	var rest []record.Batch
	for _, b := range s.batches {
		if b.BaseOffset() >= end {
			rest = append(rest, b)
			continue
		}
		var err error
		if out, err = filter.Append(out, b); err != nil {
			s.t.Fatal(err)
		}
	}
	s.batches = nil
	for len(out) > 0 {
		b, next, err := record.Next(out)
		if err == nil {
			err = b.CheckCRC()
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.batches, out = append(s.batches, slices.Clone(b)), next
	}
	s.batches = append(s.batches, rest...)
	s.aborted = filter.Transactions.TakeKept()
	return s.describe(full, x.Map.Latest()+1)
}

func (s *script) describe(full bool, cleaned int64) string {
	var lines []string
	for _, b := range s.batches {
		lines = append(lines, s.describeBatch(b))
	}
	for _, a := range s.aborted {
		lines = append(lines, fmt.Sprintf("aborted %d:%d-%d", a.ProducerID, a.FirstOffset, a.LastOffset))
	}
	if full {
		lines = append(lines, fmt.Sprintf("cleaned %d", cleaned))
	}
	return strings.Join(lines, "\n")
}

func (s *script) describeBatch(b record.Batch) string {
	if b.PartitionLeaderEpoch() != 3 {
		s.t.Errorf("the leader epoch is %d", b.PartitionLeaderEpoch())
	}
	out := fmt.Sprint(b.BaseOffset())
	if b.LastOffset() != b.BaseOffset() {
		out += fmt.Sprintf("-%d", b.LastOffset())
	}
	add := func(format string, args ...any) { out += fmt.Sprintf(" "+format, args...) }
	if b.HasProducerID() {
		add("pid:%d/%d/%d", b.ProducerID(), b.ProducerEpoch(), b.BaseSequence())
	}
	if b.IsTransactional() && !b.IsControl() {
		add("txn")
	}
	if b.Codec() != record.CodecNone {
		add("codec:%s", b.Codec())
	}
	if b.TimestampType() == record.LogAppendTime {
		add("append:%d", b.MaxTimestamp())
	} else if b.MaxTimestamp() >= 0 && !b.IsControl() {
		add("max:%d", b.MaxTimestamp())
	}
	if ms, ok := b.DeleteHorizon(); ok {
		add("horizon:%d", ms)
	}
	records, err := b.Records(0)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(records) == 0 {
		if b.IsControl() {
			add("control")
		}
		add("empty")
	}
	for i, r := range records {
		if b.IsControl() {
			m, err := record.ParseMarker(r.Key, r.Value)
			if err != nil {
				s.t.Fatal(err)
			}
			add("%s", strings.ToLower(m.Type.String()))
			continue
		}
		value := "-"
		if r.Value != nil {
			value = string(r.Value)
		}
		at := ""
		if int(r.OffsetDelta) != i {
			at = fmt.Sprintf("@%d", r.OffsetDelta)
		}
		if r.Timestamp >= 0 && b.TimestampType() == record.CreateTime {
			at += fmt.Sprintf("~%d", r.Timestamp)
		}
		add("%s=%s%s", r.Key, value, at)
	}
	return out
}
