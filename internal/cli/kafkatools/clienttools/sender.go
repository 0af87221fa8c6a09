package clienttools

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Sizes that the Java producer counts for a record that travels alone in a batch.
const (
	batchOverhead     = 61 // header of a record batch
	maxRecordOverhead = 21 // length, attributes, timestamp and offset of a record at their longest
)

// sender is a producer with the rules of the Java one that the Go client does not have: the topic must be known within
// max.block.ms, a record must fit into max.request.size, and one that is larger than batch.size is sent in a batch of its own.
type sender struct {
	client   *kgo.Client
	large    *kgo.Client // for oversized records; made when first needed
	settings producerSettings
	extra    []kgo.Opt
	batchMax int // largest record that the usual client takes
	known    map[string]bool
}

// newSender connects a producer. usualBytes is the size of the records when the caller knows it, else 0: such records travel
// in the usual batches even when batch.size is smaller.
func newSender(settings producerSettings, usualBytes int, extra ...kgo.Opt) (*sender, error) {
	s := &sender{settings: settings, extra: extra, known: map[string]bool{}}
	s.batchMax = clamp(max(settings.batchBytes, usualBytes), minBatchBytes, maxBatchBytes)
	// One producer only may write into a transaction, and without acknowledgements two producers have no order.
	if (settings.transactional && usualBytes == 0) || settings.unacknowledged {
		s.batchMax = max(s.batchMax, settings.maxRequestBytes)
	}
	client, err := s.newClient(s.batchMax)
	s.client = client
	return s, err
}

func (s *sender) newClient(batchMax int) (*kgo.Client, error) {
	opts := append([]kgo.Opt{}, s.settings.options...)
	opts = append(opts,
		kgo.ProducerBatchMaxBytes(int32(batchMax)),
		kgo.BrokerMaxWriteBytes(int32(clamp(batchMax+(1<<20), 100<<20, 1<<30))),
	)
	return kgo.NewClient(append(opts, s.extra...)...)
}

// send hands a record over; promise is called when it is acknowledged or has failed, possibly before send returns. ctx bounds
// the wait for the topic only: what was handed over before an interrupt is still sent, by close.
func (s *sender) send(ctx context.Context, record *kgo.Record, promise func(*kgo.Record, error)) {
	if err := s.awaitTopic(ctx, record.Topic); err != nil {
		promise(record, err)
		return
	}
	ctx = context.WithoutCancel(ctx)
	size := serializedBytes(record)
	switch {
	case size > s.settings.maxRequestBytes:
		promise(record, exceptionf(classRecordTooLarge, "The message is %d bytes when serialized "+
			"which is larger than %d, which is the value of the max.request.size configuration.", size, s.settings.maxRequestBytes))
	case size > s.batchMax:
		s.sendLarge(ctx, record, promise)
	default:
		s.client.Produce(ctx, record, promise)
	}
}

// sendLarge keeps the order: what was handed over before is sent first, and what follows waits.
func (s *sender) sendLarge(ctx context.Context, record *kgo.Record, promise func(*kgo.Record, error)) {
	if s.large == nil {
		large, err := s.newClient(clamp(s.settings.maxRequestBytes, minBatchBytes, maxBatchBytes))
		if err != nil {
			promise(record, err)
			return
		}
		s.large = large
	}
	if err := s.client.Flush(ctx); err != nil {
		promise(record, err)
		return
	}
	s.large.Produce(ctx, record, promise)
	_ = s.large.Flush(ctx) // a failure reaches the promise
}

// awaitTopic waits until the cluster tells of the topic, creating it where the cluster does so on its own.
func (s *sender) awaitTopic(ctx context.Context, topic string) error {
	if s.known[topic] {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, s.settings.maxBlock)
	defer cancel()
	for {
		err := s.topicError(limited, topic)
		if err == nil {
			s.known[topic] = true
			return nil
		}
		if ctx.Err() != nil {
			return errInterrupted
		}
		if limited.Err() != nil {
			return exceptionf(classTimeout, "Topic %s not present in metadata after %d ms.",
				topic, s.settings.maxBlock.Milliseconds())
		}
		switch {
		case errors.Is(err, kerr.InvalidTopicException):
			return exceptionf(classInvalidTopic, "Invalid topics: [%s]", topic)
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			return exceptionf(classTopicAuthorization, "Not authorized to access topics: [%s]", topic)
		}
		select {
		case <-limited.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *sender) topicError(ctx context.Context, topic string) error {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = true
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = &topic
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		return err
	}
	if len(resp.Topics) != 1 {
		return kerr.UnknownTopicOrPartition
	}
	return kerr.ErrorForCode(resp.Topics[0].ErrorCode)
}

// flush sends what is still there. It waits no longer than the records may be delivered.
func (s *sender) flush() {
	_ = s.client.Flush(context.Background()) // failures reach the promises
}

// close flushes and disconnects.
func (s *sender) close() {
	s.flush()
	s.client.Close()
	if s.large != nil {
		s.large.Close()
	}
}

// serializedBytes is the upper bound by which the Java producer judges a record's size.
func serializedBytes(r *kgo.Record) int {
	n := batchOverhead + maxRecordOverhead + fieldBytes(r.Key) + fieldBytes(r.Value) + varintBytes(int64(len(r.Headers)))
	for _, h := range r.Headers {
		n += varintBytes(int64(len(h.Key))) + len(h.Key) + fieldBytes(h.Value)
	}
	return n
}

func fieldBytes(b []byte) int {
	if b == nil {
		return 1
	}
	return varintBytes(int64(len(b))) + len(b)
}

func varintBytes(v int64) int {
	var scratch [binary.MaxVarintLen64]byte
	return binary.PutVarint(scratch[:], v)
}
