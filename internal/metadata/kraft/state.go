package kraft

import (
	"fmt"
	"maps"
	"slices"

	"ottla.dev/ottla/internal/metadata"
)

// State is what a cluster's metadata comes to: all records replayed, in the order of the log.
type State struct {
	Features       map[string]int16
	Topics         map[metadata.UUID]*Topic
	Configs        map[metadata.Resource]map[string]string
	Brokers        map[int32]*RegisterBrokerRecord
	NextProducerID int64

	// What Ottla has no place for yet. It is kept as it is, so that it is there again when the metadata goes back to Apache Kafka.
	ACLs        map[metadata.UUID]*AccessControlEntryRecord
	Credentials map[CredentialKey]*UserScramCredentialRecord
	Quotas      map[string]*ClientQuotaRecord // by entity and key
	Tokens      map[string]*DelegationTokenRecord

	names map[string]metadata.UUID
}

// Topic is a topic with its partitions, which need not be in order before the last record.
type Topic struct {
	Name       string
	ID         metadata.UUID
	Partitions map[int32]*PartitionRecord
}

// CredentialKey names a SCRAM credential.
type CredentialKey struct {
	User      string
	Mechanism int8
}

// NewState returns the state before the first record.
func NewState() *State {
	return &State{
		Features: map[string]int16{}, Topics: map[metadata.UUID]*Topic{}, Configs: map[metadata.Resource]map[string]string{},
		Brokers: map[int32]*RegisterBrokerRecord{}, ACLs: map[metadata.UUID]*AccessControlEntryRecord{},
		Credentials: map[CredentialKey]*UserScramCredentialRecord{}, Quotas: map[string]*ClientQuotaRecord{},
		Tokens: map[string]*DelegationTokenRecord{}, names: map[string]metadata.UUID{},
	}
}

// Empty reports whether the log says nothing yet: every cluster's begins with the level of metadata.version.
func (s *State) Empty() bool { return s.Features[metadata.MetadataVersion] == 0 }

// Topic returns a topic by name, nil if there is none.
func (s *State) Topic(name string) *Topic {
	id, ok := s.names[name]
	if !ok {
		return nil
	}
	return s.Topics[id]
}

// SortedTopics returns the topics in the order of their names.
func (s *State) SortedTopics() []*Topic {
	var list []*Topic
	for _, name := range slices.Sorted(maps.Keys(s.names)) {
		list = append(list, s.Topics[s.names[name]])
	}
	return list
}

// SetTopic puts a topic with its partitions in.
func (s *State) SetTopic(t *Topic) {
	s.Topics[t.ID] = t
	s.names[t.Name] = t.ID
}

// Replay applies a record. An error means that the record does not fit what came before it: the log is damaged.
func (s *State) Replay(record Record) error {
	switch r := record.(type) {
	case *TopicRecord:
		return s.addTopic(r)
	case *RemoveTopicRecord:
		return s.removeTopic(r)
	case *PartitionRecord:
		return s.setPartition(r)
	case *PartitionChangeRecord:
		return s.changePartition(r)
	case *ClearELRRecord:
		return s.clearELR(r)
	case *ConfigRecord:
		s.setConfig(r)
	case *FeatureLevelRecord:
		if r.FeatureLevel == 0 {
			delete(s.Features, r.Name)
		} else {
			s.Features[r.Name] = r.FeatureLevel
		}
	case *ProducerIDsRecord:
		s.NextProducerID = max(s.NextProducerID, r.NextProducerID)
	case *RegisterBrokerRecord:
		s.Brokers[r.BrokerID] = r
	case *UnregisterBrokerRecord:
		delete(s.Brokers, r.BrokerID)
	case *BrokerRegistrationChangeRecord:
		if b := s.Brokers[r.BrokerID]; b != nil && len(r.LogDirs) > 0 {
			b.LogDirs = r.LogDirs
		}
	default:
		return s.replayOther(record)
	}
	return nil
}

// replayOther applies the records of what Ottla has no place for, and passes over those without a lasting meaning.
func (s *State) replayOther(record Record) error {
	switch r := record.(type) {
	case *AccessControlEntryRecord:
		s.ACLs[r.ID] = r
	case *RemoveAccessControlEntryRecord:
		delete(s.ACLs, r.ID)
	case *UserScramCredentialRecord:
		s.Credentials[CredentialKey{r.Name, r.Mechanism}] = r
	case *RemoveUserScramCredentialRecord:
		delete(s.Credentials, CredentialKey{r.Name, r.Mechanism})
	case *ClientQuotaRecord:
		key := quotaKey(r)
		if r.Remove {
			delete(s.Quotas, key)
		} else {
			s.Quotas[key] = r
		}
	case *DelegationTokenRecord:
		s.Tokens[r.TokenID] = r
	case *RemoveDelegationTokenRecord:
		delete(s.Tokens, r.TokenID)
	case *FenceBrokerRecord, *UnfenceBrokerRecord, *RegisterControllerRecord, *NoOpRecord, *ZKMigrationStateRecord:
		// Who is there, a controller finds out anew.
	default:
		return fmt.Errorf("a record of type %d stands where it may not", record.APIKey())
	}
	return nil
}

// quotaKey tells quotas apart: by all parts of the entity, whatever their order, and the name of the limit.
func quotaKey(r *ClientQuotaRecord) string {
	var parts []string
	for _, e := range r.Entity {
		if e.EntityName == nil {
			parts = append(parts, fmt.Sprintf("%q default", e.EntityType))
		} else {
			parts = append(parts, fmt.Sprintf("%q=%q", e.EntityType, *e.EntityName))
		}
	}
	slices.Sort(parts)
	return fmt.Sprintf("%q %q", parts, r.Key)
}

func (s *State) setConfig(r *ConfigRecord) {
	resource := metadata.Resource{Type: metadata.ResourceType(r.ResourceType), Name: r.ResourceName}
	configs := s.Configs[resource]
	switch {
	case r.Value != nil && configs == nil:
		s.Configs[resource] = map[string]string{r.Name: *r.Value}
	case r.Value != nil:
		configs[r.Name] = *r.Value
	default:
		delete(configs, r.Name)
		if len(configs) == 0 {
			delete(s.Configs, resource)
		}
	}
}
