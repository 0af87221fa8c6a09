package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (s *session) groupNames() ([]string, error) {
	req := kmsg.NewPtrListGroupsRequest()
	req.Version = 4
	resp, err := ask[*kmsg.ListGroupsResponse](s.ctx, s.addr, req)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range resp.Groups {
		names = append(names, g.Group)
	}
	sort.Strings(names)
	return names, nil
}

func (s *session) committed(stable bool) (answer, error) {
	names, err := s.groupNames()
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.RequireStable = 9, stable
	for _, name := range names {
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group, g.MemberEpoch = name, -1
		req.Groups = append(req.Groups, g)
	}
	return s.one(req)
}

func (s *session) groups() (answer, error) {
	names, err := s.groupNames()
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Version, req.Groups = 5, names
	return s.one(req)
}

func (s *session) producers() (answer, error) {
	req := kmsg.NewPtrDescribeProducersRequest()
	for _, t := range s.topics {
		topic := kmsg.NewDescribeProducersRequestTopic()
		topic.Topic = *t.Topic
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, p.Partition)
		}
		req.Topics = append(req.Topics, topic)
	}
	return s.one(req)
}

func (s *session) listTransactions() (answer, error) {
	req := kmsg.NewPtrListTransactionsRequest()
	req.Version = 1
	return s.one(req)
}

func (s *session) describeTransactions() (answer, error) {
	list := kmsg.NewPtrListTransactionsRequest()
	list.Version = 1
	resp, err := ask[*kmsg.ListTransactionsResponse](s.ctx, s.addr, list)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrDescribeTransactionsRequest()
	for _, t := range resp.TransactionStates {
		req.TransactionalIDs = append(req.TransactionalIDs, t.TransactionalID)
	}
	return s.one(req)
}

func (s *session) scram() (answer, error) {
	req := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	req.Users = nil
	return s.one(req)
}

func (s *session) quotas() (answer, error) {
	req := kmsg.NewPtrDescribeClientQuotasRequest()
	req.Version = 1
	resp, err := ask[*kmsg.DescribeClientQuotasResponse](s.ctx, s.addr, req)
	if err != nil {
		return nil, err
	}
	a := answer{}
	for _, e := range resp.Entries {
		var entity []string
		for _, part := range e.Entity {
			name := "(default)"
			if part.Name != nil {
				name = *part.Name
			}
			entity = append(entity, part.Type+"="+name)
		}
		for _, v := range e.Values {
			a[strings.Join(entity, ",")+" "+v.Key] = fmt.Sprint(v.Value)
		}
	}
	return a, nil
}

func (s *session) features() (answer, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = 3, "takeover", "1"
	c, err := dial(s.ctx, s.addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	resp, err := c.ask(req)
	if err != nil {
		return nil, err
	}
	a := answer{}
	for _, f := range resp.(*kmsg.ApiVersionsResponse).FinalizedFeatures {
		a[f.Name] = fmt.Sprint(f.MaxVersionLevel)
	}
	return a, nil
}
