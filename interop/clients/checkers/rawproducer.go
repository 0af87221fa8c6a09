package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawProducer is a transactional producer whose every request is sent by hand, so that requests can come late, twice, or beside others.
type rawProducer struct {
	c        c
	cl       *kgo.Client
	v2       bool
	id       string
	topic    string
	topicID  kadm.TopicID // which Produce goes by since version 13
	producer int64
	epoch    int16
}

func newRawProducer(c c, g generation, cl *kgo.Client, topic, id string) *rawProducer {
	topics, err := kadm.NewClient(cl).ListTopics(c, topic)
	c.Must(err, "describe topic %s", topic)
	return &rawProducer{c: c, cl: cl, v2: g.name == "v2", id: id, topic: topic, topicID: topics[topic].ID, producer: -1, epoch: -1}
}

// ask sends a request to the one broker, as often as the answer's error is one that passes.
func ask[R kmsg.Response](p *rawProducer, req kmsg.Request, code func(R) int16) (R, error) {
	for {
		resp, err := p.cl.Request(p.c, req)
		if err != nil {
			var none R
			return none, err
		}
		answer := resp.(R)
		err = kerr.ErrorForCode(code(answer))
		if !kerr.IsRetriable(err) && err != kerr.ConcurrentTransactions || p.c.Err() != nil {
			return answer, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (p *rawProducer) init() error {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = &p.id, 60_000
	req.ProducerID, req.ProducerEpoch = -1, -1
	resp, err := ask(p, req, func(r *kmsg.InitProducerIDResponse) int16 { return r.ErrorCode })
	if err == nil {
		p.producer, p.epoch = resp.ProducerID, resp.ProducerEpoch
	}
	return err
}

// addPartitions is what a producer of the first generation does before it writes.
func (p *rawProducer) addPartitions(partitions ...int32) error {
	if p.v2 {
		return nil
	}
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.id, p.producer, p.epoch
	req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: p.topic, Partitions: partitions}}
	_, err := ask(p, req, func(r *kmsg.AddPartitionsToTxnResponse) (code int16) {
		for _, part := range r.Topics[0].Partitions {
			code = firstCode(code, part.ErrorCode)
		}
		return code
	})
	return err
}

func firstCode(a, b int16) int16 {
	if a != 0 {
		return a
	}
	return b
}

// write sends one batch of one record.
func (p *rawProducer) write(partition, sequence int32, epoch int16, value string) error {
	return p.writeAll([]int32{partition}, sequence, epoch, value)
}

// writeAll sends one batch of one record to each of the partitions.
func (p *rawProducer) writeAll(partitions []int32, sequence int32, epoch int16, value string) error {
	req := kmsg.NewPtrProduceRequest()
	req.TransactionID, req.Acks, req.TimeoutMillis = &p.id, -1, 10_000
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = p.topic, p.topicID
	for _, partition := range partitions {
		part := kmsg.NewProduceRequestTopicPartition()
		part.Partition, part.Records = partition, transactionalBatch(p.producer, epoch, sequence, value)
		topic.Partitions = append(topic.Partitions, part)
	}
	req.Topics = append(req.Topics, topic)
	_, err := ask(p, req, func(r *kmsg.ProduceResponse) (code int16) {
		for _, part := range r.Topics[0].Partitions {
			code = firstCode(code, part.ErrorCode)
		}
		return code
	})
	return err
}

// end commits or aborts. In the second generation the answer brings the epoch of the next transaction.
func (p *rawProducer) end(commit bool) error {
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = p.id, p.producer, p.epoch, commit
	resp, err := ask(p, req, func(r *kmsg.EndTxnResponse) int16 { return r.ErrorCode })
	if err == nil && p.v2 {
		p.producer, p.epoch = resp.ProducerID, resp.ProducerEpoch
	}
	return err
}

// complete waits until the markers of the last transaction are written, which EndTxn does not.
func (p *rawProducer) complete() {
	adm := kadm.NewClient(p.cl)
	p.c.Eventually(func() string {
		described, err := adm.DescribeTransactions(p.c, p.id)
		if err != nil {
			return err.Error()
		}
		if t := described[p.id]; !strings.HasPrefix(t.State, "Complete") {
			return fmt.Sprintf("transaction %s: %s %v", p.id, t.State, t.Err)
		}
		return ""
	})
}

// transactionalBatch builds a record batch of one record (KIP-98).
func transactionalBatch(producer int64, epoch int16, sequence int32, value string) []byte {
	var record []byte
	record = append(record, 0)                              // attributes
	record = binary.AppendVarint(record, 0)                 // timestamp delta
	record = binary.AppendVarint(record, 0)                 // offset delta
	record = binary.AppendVarint(record, -1)                // no key
	record = binary.AppendVarint(record, int64(len(value))) // value
	record = append(record, value...)
	record = binary.AppendVarint(record, 0) // headers
	record = append(binary.AppendVarint(nil, int64(len(record))), record...)

	const transactional = 1 << 4
	now := uint64(time.Now().UnixMilli())
	var b []byte // from the attributes on: what the CRC covers
	b = binary.BigEndian.AppendUint16(b, transactional)
	b = binary.BigEndian.AppendUint32(b, 0) // last offset delta
	b = binary.BigEndian.AppendUint64(b, now)
	b = binary.BigEndian.AppendUint64(b, now)
	b = binary.BigEndian.AppendUint64(b, uint64(producer))
	b = binary.BigEndian.AppendUint16(b, uint16(epoch))
	b = binary.BigEndian.AppendUint32(b, uint32(sequence))
	b = binary.BigEndian.AppendUint32(b, 1) // records
	b = append(b, record...)

	var head []byte
	head = binary.BigEndian.AppendUint64(head, 0)
	head = binary.BigEndian.AppendUint32(head, uint32(9+len(b))) // leader epoch, magic, CRC and the rest
	head = binary.BigEndian.AppendUint32(head, 0xffffffff)
	head = append(head, 2)
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return append(head, b...)
}
