package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/record"
)

const (
	fetchBytes       = 4 << 20
	maxUnpackedBytes = 64 << 20
)

// fetch reads every partition from its beginning to its end. Of a topic it tells each batch with what is in it. Of a compacted topic, which
// the cleaner of either node may clean further at any time, it tells each record, that may go but not change or come, and for
// read_committed the last value of each key, that must stay.
func (s *session) fetch(isolation int8) (answer, error) {
	all := answer{}
	c, err := dial(s.ctx, s.addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, t := range s.topics {
		for _, p := range t.Partitions {
			r := &partitionReader{
				all: all, at: fmt.Sprintf("%s-%d", *t.Topic, p.Partition), name: *t.Topic, topic: t.TopicID, partition: p.Partition, isolation: isolation,
				compacted: isCompacted(*t.Topic), last: map[string]string{}, aborted: map[int64][]int64{},
			}
			if err := r.read(c); err != nil {
				return nil, fmt.Errorf("%s: %w", r.at, err)
			}
		}
	}
	return all, nil
}

func isCompacted(topic string) bool {
	return topic == topicCompact || strings.HasPrefix(topic, "__") || strings.HasPrefix(topic, "new-")
}

type partitionReader struct {
	all       answer
	at        string
	name      string
	topic     [16]byte
	partition int32
	isolation int8
	compacted bool

	last    map[string]string // of each key
	aborted map[int64][]int64 // first offsets of transactions, by their producers
}

func (r *partitionReader) read(c *conn) error {
	offset, known := int64(0), false
	for {
		resp, err := r.ask(c, offset)
		if err != nil {
			return err
		}
		if !known && resp.ErrorCode == kerr.OffsetOutOfRange.Code {
			if offset, err = r.start(c); err != nil {
				return err
			}
			known = true
			continue
		}
		known = true
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			r.all[r.at+" error"] = err.Error()
			return nil
		}
		r.all[r.at+" high watermark"] = fmt.Sprint(resp.HighWatermark)
		r.all[r.at+" last stable offset"] = fmt.Sprint(resp.LastStableOffset)
		r.all[r.at+" log start"] = fmt.Sprint(resp.LogStartOffset)
		for _, a := range resp.AbortedTransactions {
			r.aborted[a.ProducerID] = append(r.aborted[a.ProducerID], a.FirstOffset)
			if !r.compacted {
				r.all[fmt.Sprintf("%s aborted %d from %d", r.at, a.ProducerID, a.FirstOffset)] = "yes"
			}
		}
		next, err := r.batches(resp.RecordBatches)
		if err != nil {
			return err
		}
		if next <= offset {
			break
		}
		offset = next
	}
	if r.compacted && r.isolation == 1 {
		for key, value := range r.last {
			r.all[r.at+" key "+key] = value
		}
	}
	return nil
}

func (r *partitionReader) ask(c *conn, offset int64) (*kmsg.FetchResponseTopicPartition, error) {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.IsolationLevel, req.SessionEpoch = 16, fetchBytes, r.isolation, -1
	t, p := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = r.partition, offset, fetchBytes
	t.TopicID, t.Partitions = r.topic, append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	answered, err := c.ask(req)
	if err != nil {
		return nil, err
	}
	resp := answered.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, fmt.Errorf("an answer for %d topics", len(resp.Topics))
	}
	return &resp.Topics[0].Partitions[0], nil
}

// start asks for the first offset.
func (r *partitionReader) start(c *conn) (int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = 8, -1
	t, p := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = r.partition, -2
	t.Topic, t.Partitions = r.name, append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp, err := c.ask(req)
	if err != nil {
		return 0, err
	}
	one := resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
	return one.Offset, kerr.ErrorForCode(one.ErrorCode)
}

// batches returns the offset after the last batch; -1 if there is none.
func (r *partitionReader) batches(data []byte) (int64, error) {
	next := int64(-1)
	for len(data) > 0 {
		batch, rest, err := record.Next(data)
		if err != nil {
			return next, nil // cut off by the size
		}
		if r.compacted {
			err = r.records(batch)
		} else {
			r.all[fmt.Sprintf("%s batch %d", r.at, batch.BaseOffset())] = fmt.Sprintf("to %d, epoch %d, attributes %d, producer %d epoch %d sequence %d, %d records, %s",
				batch.LastOffset(), batch.PartitionLeaderEpoch(), batch.Attributes(), batch.ProducerID(), batch.ProducerEpoch(), batch.BaseSequence(), batch.NumRecords(), shortBytes(batch.Payload()))
		}
		if err != nil {
			return next, err
		}
		next, data = batch.NextOffset(), rest
	}
	return next, nil
}

// records tells the records of a batch, and keeps the last values of keys as a consumer does that leaves aborted transactions out.
func (r *partitionReader) records(batch record.Batch) error {
	reader, err := record.NewReader(batch, maxUnpackedBytes)
	if err != nil {
		return err
	}
	defer reader.Close()
	producer := batch.ProducerID()
	var one record.Record
	for {
		if err := reader.Next(&one); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		offset := batch.BaseOffset() + int64(one.OffsetDelta)
		if batch.IsControl() {
			if typ, err := record.ParseControlType(one.Key); err == nil && typ == record.ControlAbort && r.abortedAt(producer, offset) {
				r.aborted[producer] = r.aborted[producer][1:]
			}
			continue
		}
		value := fmt.Sprintf("producer %d epoch %d, key %s, value %s", producer, batch.ProducerEpoch(), shortBytes(one.Key), shortBytes(one.Value))
		r.all[fmt.Sprintf("%s record %d", r.at, offset)] = value
		if batch.IsTransactional() && r.abortedAt(producer, offset) {
			continue
		}
		if one.Value == nil {
			delete(r.last, shortBytes(one.Key))
		} else {
			r.last[shortBytes(one.Key)] = fmt.Sprintf("offset %d, value %s", offset, shortBytes(one.Value))
		}
	}
}

// abortedAt reports whether the producer's transaction at an offset was aborted.
func (r *partitionReader) abortedAt(producer, offset int64) bool {
	list := r.aborted[producer]
	return len(list) > 0 && list[0] <= offset
}
