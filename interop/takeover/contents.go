package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The names that the contents and the questions share.
const (
	groupPlain   = "group-plain"
	groupInTxn   = "group-txn"
	groupNew     = "group-848"
	metricsName  = "metrics-1"
	topicPlain   = "plain"
	topicLedger  = "ledger"
	topicCompact = "compacted"
	topicBatches = "codecs"
	txnLeftOpen  = "left-open"  // aborted later, by its producer's return
	txnEndsLater = "ends-later" // committed later, with the same producer id and epoch
)

// openTimeout keeps a transaction open for the whole run; it is the most that brokers allow.
const openTimeout = 15 * time.Minute

// contents makes what a directory holds, on whichever node runs on it.
type contents struct {
	addr         string
	transactions bool
	seenID       int64 // the highest producer id that was handed out
	later        producerState
	kept         answers // what Apache Kafka said about what Ottla only keeps
}

// producerState is what it takes to end another client's transaction.
type producerState struct {
	id    int64
	epoch int16
}

func (c *contents) client(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(50 * time.Millisecond)}, options...)...)
}

func text(s string) *string { return &s }

// create makes the topics and sets configs of every kind.
func (c *contents) create(ctx context.Context) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	for _, t := range []struct {
		name       string
		partitions int32
		configs    map[string]*string
	}{
		{topicPlain, 3, nil},
		{topicLedger, 2, map[string]*string{"min.insync.replicas": text("1"), "max.message.bytes": text("2000000")}},
		{topicCompact, 1, map[string]*string{"cleanup.policy": text("compact"), "segment.bytes": text("1048576"), "segment.ms": text("300"), "min.cleanable.dirty.ratio": text("0.01"), "delete.retention.ms": text("100")}},
		{topicBatches, 1, map[string]*string{"compression.type": text("producer"), "retention.ms": text("-1")}},
		{"wide", 40, map[string]*string{"message.timestamp.type": text("LogAppendTime")}},
		{"trimmed", 1, nil}, {"gone", 4, map[string]*string{"retention.ms": text("12345678")}}, {"reborn", 2, nil}, {"grows", 1, nil}, {"dots.and_underscores", 1, nil},
	} {
		if err := createTopic(ctx, admin, t.partitions, t.configs, t.name); err != nil {
			return fmt.Errorf("create %s: %w", t.name, err)
		}
	}
	for _, name := range []string{"gone", "reborn"} {
		if _, err := admin.DeleteTopic(ctx, name); err != nil {
			return fmt.Errorf("delete %s: %w", name, err)
		}
	}
	if err := createTopic(ctx, admin, 1, map[string]*string{"retention.bytes": text("5000000")}, "reborn"); err != nil {
		return fmt.Errorf("create reborn again: %w", err)
	}
	if err := grow(ctx, admin, 3); err != nil {
		return err
	}
	if err := until(ctx, func() error { return c.created(ctx) }); err != nil {
		return err
	}
	return c.configure(ctx, admin)
}

// created asks whether the broker has heard of the last changes: the controller of Apache Kafka answers before that.
func (c *contents) created(ctx context.Context) error {
	s := &session{ctx: ctx, addr: c.addr}
	if err := s.findTopics(); err != nil {
		return err
	}
	found := map[string]int{}
	for _, t := range s.topics {
		found[*t.Topic] = len(t.Partitions)
	}
	if found["gone"] != 0 || found["reborn"] != 1 || found["grows"] != 3 {
		return fmt.Errorf("the broker still sees %v", found)
	}
	return nil
}

// createTopic tries again while the broker is fenced, as it is for a moment on a machine with much to do.
func createTopic(ctx context.Context, admin *kadm.Client, partitions int32, configs map[string]*string, name string) error {
	tried := false
	return until(ctx, func() error {
		_, err := admin.CreateTopic(ctx, partitions, 1, configs, name)
		if tried && errors.Is(err, kerr.TopicAlreadyExists) {
			return nil
		}
		tried = tried || !errors.Is(err, kerr.TopicAlreadyExists) && !errors.Is(err, kerr.InvalidReplicationFactor)
		return err
	})
}

// altered returns the first error of an answer, whole or of one resource.
func altered(responses kadm.AlterConfigsResponses, err error) error {
	for _, r := range responses {
		if err == nil && r.Err != nil {
			err = fmt.Errorf("configs of %s: %w", r.Name, r.Err)
		}
	}
	return err
}

// grow gives the topic that grows more partitions, once the broker knows it.
func grow(ctx context.Context, admin *kadm.Client, partitions int) error {
	return until(ctx, func() error {
		responses, err := admin.UpdatePartitions(ctx, partitions, "grows")
		if err == nil {
			err = responses.Error()
		}
		return err
	})
}

func (c *contents) configure(ctx context.Context, admin *kadm.Client) error {
	set := func(name, value string) []kadm.AlterConfig {
		return []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: text(value)}}
	}
	if err := altered(admin.AlterTopicConfigs(ctx, set("retention.ms", "86400000"), topicPlain)); err != nil {
		return err
	}
	if err := altered(admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.DeleteConfig, Name: "max.message.bytes"}}, topicLedger)); err != nil {
		return err
	}
	if err := altered(admin.AlterBrokerConfigs(ctx, set("log.cleaner.backoff.ms", "100"), 1)); err != nil {
		return err
	}
	if err := altered(admin.AlterBrokerConfigs(ctx, set("message.max.bytes", "1500000"))); err != nil {
		return err
	}
	for _, r := range []struct {
		kind              kmsg.ConfigResourceType
		name, key, config string
	}{{kmsg.ConfigResourceTypeGroupConfig, groupPlain, "consumer.session.timeout.ms", "50000"}, {kmsg.ConfigResourceTypeClientMetrics, metricsName, "interval.ms", "60000"}} {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Version = 1
		resource := kmsg.NewIncrementalAlterConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = r.kind, r.name
		one := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		one.Name, one.Value = r.key, text(r.config)
		resource.Configs = append(resource.Configs, one)
		req.Resources = append(req.Resources, resource)
		resp, err := ask[*kmsg.IncrementalAlterConfigsResponse](ctx, c.addr, req)
		if err != nil {
			return err
		}
		if err := kerr.ErrorForCode(resp.Resources[0].ErrorCode); err != nil {
			return fmt.Errorf("config of %s: %w", r.name, err)
		}
	}
	return nil
}

// secure stores what Ottla has no use for yet, and must not lose.
func (c *contents) secure(ctx context.Context) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	users, err := admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{User: "alice", Mechanism: kadm.ScramSha256, Iterations: 8192, Password: "secret"}, {User: "bob", Mechanism: kadm.ScramSha512, Iterations: 8192, Password: "other"}})
	if err == nil {
		err = users.Error()
	}
	if err != nil {
		return err
	}
	quotas, err := admin.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{
		{Entity: kadm.ClientQuotaEntity{{Type: "user", Name: text("alice")}, {Type: "client-id"}}, Ops: []kadm.AlterClientQuotaOp{{Key: "producer_byte_rate", Value: 1048576}}},
		{Entity: kadm.ClientQuotaEntity{{Type: "user"}}, Ops: []kadm.AlterClientQuotaOp{{Key: "consumer_byte_rate", Value: 0.5e9}}},
	})
	for _, q := range quotas {
		err = errors.Join(err, q.Err)
	}
	return err
}

const untilPatience = 20 * time.Second

// until repeats something that may need a moment.
func until(ctx context.Context, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, untilPatience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}
