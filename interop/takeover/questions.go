package main

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// question is one of the fixed list that both nodes are asked.
type question struct {
	name string
	// kafkaOnly: what Ottla keeps without using it, or does not serve.
	kafkaOnly bool
	ask       func(s *session) (answer, error)
}

// session is a node being asked.
type session struct {
	ctx    context.Context
	addr   string
	topics []kmsg.MetadataResponseTopic // in the order of their names
}

func (s *session) one(req kmsg.Request) (answer, error) {
	resp, err := ask[kmsg.Response](s.ctx, s.addr, req)
	if err != nil {
		return nil, err
	}
	return flatten(resp), nil
}

// questions are asked in this order.
var questions = []question{
	{name: "metadata", ask: (*session).metadata},
	{name: "cluster", ask: (*session).cluster},
	{name: "configs of topics", ask: (*session).topicConfigs},
	{name: "configs set on brokers, groups and client metrics", ask: (*session).otherConfigs},
	{name: "offsets read_uncommitted", ask: func(s *session) (answer, error) { return s.offsets(0) }},
	{name: "offsets read_committed", ask: func(s *session) (answer, error) { return s.offsets(1) }},
	{name: "fetch read_uncommitted", ask: func(s *session) (answer, error) { return s.fetch(0) }},
	{name: "fetch read_committed", ask: func(s *session) (answer, error) { return s.fetch(1) }},
	{name: "committed offsets", ask: func(s *session) (answer, error) { return s.committed(false) }},
	{name: "committed offsets, stable", ask: func(s *session) (answer, error) { return s.committed(true) }},
	{name: "groups", ask: (*session).groups},
	{name: "producers", ask: (*session).producers},
	{name: "transactions listed", ask: (*session).listTransactions},
	{name: "transactions described", ask: (*session).describeTransactions},
	{name: "scram credentials", kafkaOnly: true, ask: (*session).scram},
	{name: "client quotas", kafkaOnly: true, ask: (*session).quotas},
	{name: "feature levels", kafkaOnly: true, ask: (*session).features},
}

// askAll asks everything. A question that fails has its error for an answer.
func askAll(ctx context.Context, addr string, kafka bool) (answers, error) {
	s := &session{ctx: ctx, addr: addr}
	if err := s.findTopics(); err != nil {
		return nil, err
	}
	all := answers{}
	for _, q := range questions {
		if q.kafkaOnly && !kafka {
			continue
		}
		a, err := q.ask(s)
		if err != nil {
			a = answer{"error": err.Error()}
		}
		all[q.name] = a
	}
	return all, nil
}

// findTopics asks which topics there are.
func (s *session) findTopics() error {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	resp, err := ask[*kmsg.MetadataResponse](s.ctx, s.addr, req)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		sort.Slice(t.Partitions, func(i, j int) bool { return t.Partitions[i].Partition < t.Partitions[j].Partition })
		s.topics = append(s.topics, t)
	}
	sort.Slice(s.topics, func(i, j int) bool { return *s.topics[i].Topic < *s.topics[j].Topic })
	return nil
}

func (s *session) metadata() (answer, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	return s.one(req)
}

func (s *session) cluster() (answer, error) {
	req := kmsg.NewPtrDescribeClusterRequest()
	a, err := s.one(req)
	delete(a, "ControllerID")
	return a, err
}

func (s *session) topicConfigs() (answer, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version, req.IncludeSynonyms = 4, true
	for _, t := range s.topics {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, *t.Topic
		req.Resources = append(req.Resources, r)
	}
	return s.one(req)
}

// otherConfigs compares what is set, not the defaults: those of a node are its own.
func (s *session) otherConfigs() (answer, error) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version = 4
	for _, r := range []struct {
		kind kmsg.ConfigResourceType
		name string
	}{{kmsg.ConfigResourceTypeBroker, "1"}, {kmsg.ConfigResourceTypeBroker, ""}, {kmsg.ConfigResourceTypeGroupConfig, groupPlain}, {kmsg.ConfigResourceTypeClientMetrics, metricsName}} {
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = r.kind, r.name
		req.Resources = append(req.Resources, resource)
	}
	resp, err := ask[*kmsg.DescribeConfigsResponse](s.ctx, s.addr, req)
	if err != nil {
		return nil, err
	}
	for i := range resp.Resources {
		r := &resp.Resources[i]
		r.Configs = slices.DeleteFunc(r.Configs, func(c kmsg.DescribeConfigsResponseResourceConfig) bool {
			return c.Source == kmsg.ConfigSourceDefaultConfig || c.Source == kmsg.ConfigSourceStaticBrokerConfig
		})
		r.ResourceName = fmt.Sprintf("%v %s", r.ResourceType, r.ResourceName)
	}
	return flatten(resp), nil
}

func (s *session) offsets(isolation int8) (answer, error) {
	all := answer{}
	for _, at := range []struct {
		name string
		time int64
	}{{"latest", -1}, {"earliest", -2}, {"max timestamp", -3}, {"local earliest", -4}, {"time 1", 1}} {
		req := kmsg.NewPtrListOffsetsRequest()
		req.Version, req.ReplicaID, req.IsolationLevel = 8, -1, isolation
		for _, t := range s.topics {
			topic := kmsg.NewListOffsetsRequestTopic()
			topic.Topic = *t.Topic
			for _, p := range t.Partitions {
				one := kmsg.NewListOffsetsRequestTopicPartition()
				one.Partition, one.Timestamp = p.Partition, at.time
				topic.Partitions = append(topic.Partitions, one)
			}
			req.Topics = append(req.Topics, topic)
		}
		a, err := s.one(req)
		if err != nil {
			return nil, err
		}
		for path, value := range a {
			all[at.name+" "+path] = value
		}
	}
	return all, nil
}
