package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata/kraft"
)

// writeFixture has Apache Kafka write a small metadata log with snapshots, and keeps its files with what Kafka answers about them: the
// test data of internal/metadata/kraft.
func writeFixture(ctx context.Context, work, to string) error {
	dir := filepath.Join(work, "fixture")
	broker, err := startKafka(ctx, dir, map[string]string{"metadata.log.max.record.bytes.between.snapshots": "6000"}, nil)
	if err != nil {
		return err
	}
	defer broker.Kill()
	c := &contents{addr: broker.Addr(), seenID: -1}
	for _, step := range []func(context.Context) error{
		c.create, c.secure, c.newProducerID,
		func(ctx context.Context) error { return c.changeTopics(ctx, 1) },
		func(ctx context.Context) error { return c.changeTopics(ctx, 2) },
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	told, err := tellFixture(ctx, c)
	if err != nil {
		return err
	}
	if err := broker.Shutdown(); err != nil {
		return err
	}
	log := filepath.Join(broker.DataDir(), kraft.LogDir)
	files, err := filepath.Glob(filepath.Join(log, "0*.*"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, name := range files {
		if ext := filepath.Ext(name); ext != ".log" && ext != ".checkpoint" {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(name)), data, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(to, "told.txt"), []byte(told), 0o644)
}

// tellFixture writes down what a client of Apache Kafka sees, a line for each thing, sorted.
func tellFixture(ctx context.Context, c *contents) (string, error) {
	s := &session{ctx: ctx, addr: c.addr}
	if err := until(ctx, func() error { return ready(ctx, c.addr) }); err != nil {
		return "", err
	}
	if err := s.findTopics(); err != nil {
		return "", err
	}
	var lines []string
	for _, t := range s.topics {
		lines = append(lines, fmt.Sprintf("topic %s %s %d", *t.Topic, base64.RawURLEncoding.EncodeToString(t.TopicID[:]), len(t.Partitions)))
	}
	configs, err := s.tellConfigs()
	if err != nil {
		return "", err
	}
	features, err := s.features()
	if err != nil {
		return "", err
	}
	quotas, err := s.quotas()
	if err != nil {
		return "", err
	}
	for name, level := range features {
		lines = append(lines, fmt.Sprintf("feature %s %s", name, level))
	}
	lines = append(lines, fmt.Sprintf("quotas %d", len(quotas)), fmt.Sprintf("producer ids after %d", c.seenID))
	lines = append(lines, configs...)
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n", nil
}

// tellConfigs tells the configs that are set.
func (s *session) tellConfigs() ([]string, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version = 4
	add := func(kind kmsg.ConfigResourceType, name string) {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kind, name
		req.Resources = append(req.Resources, r)
	}
	for _, t := range s.topics {
		add(kmsg.ConfigResourceTypeTopic, *t.Topic)
	}
	add(kmsg.ConfigResourceTypeBroker, "1")
	add(kmsg.ConfigResourceTypeBroker, "")
	add(kmsg.ConfigResourceTypeGroupConfig, groupPlain)
	add(kmsg.ConfigResourceTypeClientMetrics, metricsName)
	resp, err := ask[*kmsg.DescribeConfigsResponse](s.ctx, s.addr, req)
	if err != nil {
		return nil, err
	}
	var lines []string
	own := map[kmsg.ConfigSource]bool{kmsg.ConfigSourceDynamicTopicConfig: true, kmsg.ConfigSourceClientMetricsConfig: true, kmsg.ConfigSourceGroupConfig: true}
	for _, r := range resp.Resources {
		for _, config := range r.Configs {
			set := own[config.Source] || config.Source == kmsg.ConfigSourceDynamicBrokerConfig && r.ResourceName != "" && r.ResourceType == kmsg.ConfigResourceTypeBroker ||
				config.Source == kmsg.ConfigSourceDynamicDefaultBrokerConfig && r.ResourceName == "" && r.ResourceType == kmsg.ConfigResourceTypeBroker
			if set && config.Value != nil {
				lines = append(lines, fmt.Sprintf("config %d %q %s=%s", int8(r.ResourceType), r.ResourceName, config.Name, *config.Value))
			}
		}
	}
	return lines, nil
}
