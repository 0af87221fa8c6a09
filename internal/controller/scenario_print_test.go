package controller

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// describe writes a response, one line for each of its parts.
func (s *scene) describe(resp kmsg.Response) (lines []string) {
	add := func(format string, args ...any) {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
	switch r := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		for _, t := range r.Topics {
			var own []string
			for _, c := range t.Configs {
				if c.Source == 1 {
					own = append(own, c.Name+"="+*c.Value)
				}
			}
			add("%s %s id=%s partitions=%d replicas=%d configs=%t%v %s", t.Topic, outcome(t.ErrorCode, t.ErrorMessage), s.name(t.TopicID), t.NumPartitions, t.ReplicationFactor,
				len(t.Configs) > 0, own, code(t.ConfigErrorCode))
		}
	case *kmsg.DeleteTopicsResponse:
		for _, t := range r.Topics {
			name := "(null)"
			if t.Topic != nil {
				name = *t.Topic
			}
			add("%s id=%s %s", name, s.name(t.TopicID), outcome(t.ErrorCode, t.ErrorMessage))
		}
	case *kmsg.CreatePartitionsResponse:
		for _, t := range r.Topics {
			add("%s %s", t.Topic, outcome(t.ErrorCode, t.ErrorMessage))
		}
	case *kmsg.AlterConfigsResponse:
		for _, t := range r.Resources {
			add("%d %s %s", t.ResourceType, t.ResourceName, outcome(t.ErrorCode, t.ErrorMessage))
		}
	case *kmsg.BrokerRegistrationResponse:
		add("%s epoch=%d", code(r.ErrorCode), r.BrokerEpoch)
	case *kmsg.BrokerHeartbeatResponse:
		add("%s caughtUp=%t fenced=%t shutdown=%t", code(r.ErrorCode), r.IsCaughtUp, r.IsFenced, r.ShouldShutdown)
	case *kmsg.AllocateProducerIDsResponse:
		add("%s from %d, %d ids", code(r.ErrorCode), r.ProducerIDStart, r.ProducerIDLen)
	case *kmsg.UpdateFeaturesResponse:
		add("%s", outcome(r.ErrorCode, r.ErrorMessage))
		for _, f := range r.Results {
			add("%s %s", f.Feature, outcome(f.ErrorCode, f.ErrorMessage))
		}
	default:
		s.t.Fatalf("what is a %T?", resp)
	}
	return lines
}

func outcome(c int16, message *string) string {
	if message == nil {
		return code(c)
	}
	return code(c) + " '" + *message + "'"
}

func code(c int16) string { return protocol.Code(c).Name() }

// record writes one record.
func (s *scene) record(record metadata.Record) string {
	switch r := record.(type) {
	case metadata.TopicRecord:
		return fmt.Sprintf("> topic %s %s", r.Name, s.name(r.TopicID))
	case metadata.RemoveTopicRecord:
		return fmt.Sprintf("> remove %s", s.name(r.TopicID))
	case metadata.PartitionRecord:
		p := r.Partition
		return fmt.Sprintf("> partition %s %d leader=%d epochs=%d,%d replicas=%v isr=%v dirs=%x", s.name(r.TopicID), r.PartitionID, p.Leader, p.LeaderEpoch, p.PartitionEpoch, p.Replicas, p.ISR, firstBytes(p.Directories))
	case metadata.PartitionChangeRecord:
		return fmt.Sprintf("> change %s %d leader=%d", s.name(r.TopicID), r.PartitionID, *r.Leader)
	case metadata.ConfigRecord:
		return fmt.Sprintf("> config %v %s=%s", r.Resource, r.Name, *r.Value)
	case metadata.ResourceConfigsRecord:
		var pairs []string
		for _, k := range slices.Sorted(maps.Keys(r.Configs)) {
			pairs = append(pairs, k+"="+r.Configs[k])
		}
		return fmt.Sprintf("> configs %v %v", r.Resource, pairs)
	case metadata.RegisterBrokerRecord:
		b := r.Broker
		return fmt.Sprintf("> broker %d epoch=%d fenced=%t endpoints=%v features=%v dirs=%x", b.ID, b.Epoch, b.Fenced, b.Endpoints, b.Features, firstBytes(b.LogDirs))
	case metadata.BrokerRegistrationChangeRecord:
		return fmt.Sprintf("> broker %d epoch=%d fenced=%t", r.BrokerID, r.BrokerEpoch, *r.Fenced)
	case metadata.FeatureLevelRecord:
		return fmt.Sprintf("> feature %s level=%d", r.Name, r.Level)
	case metadata.ProducerIDsRecord:
		return fmt.Sprintf("> producer ids next=%d", r.NextProducerID)
	}
	s.t.Fatalf("what is a %T?", record)
	return ""
}

func firstBytes(ids []metadata.UUID) [][2]byte {
	var short [][2]byte
	for _, id := range ids {
		short = append(short, [2]byte{id[0], id[1]})
	}
	return short
}
