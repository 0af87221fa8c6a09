package run

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/storage"
)

// Topic is the partitions of one topic that this broker holds.
type Topic struct {
	ID         [16]byte
	Name       string
	partitions atomic.Pointer[[]*Partition] // by index; nil where this broker holds none, or could not open it. Copied on change; never nil
}

// Manager holds the partitions of this broker. It is told of the cluster's metadata by Create, Update and Delete and asked by the requests.
type Manager struct {
	logs   *storage.Manager
	logger *slog.Logger

	mu     sync.RWMutex // guards the maps, and is held while a topic's partitions change
	byName map[string]*Topic
	byID   map[[16]byte]*Topic
}

// NewManager returns a manager without partitions over the opened logs.
func NewManager(logs *storage.Manager, logger *slog.Logger) *Manager {
	return &Manager{logs: logs, logger: logger, byName: map[string]*Topic{}, byID: map[[16]byte]*Topic{}}
}

// Replica is what the metadata says of one partition that this broker shall lead.
type Replica struct {
	Index       int32
	LeaderEpoch int32
	Dir         string // the log directory it was assigned to; empty: any
}

// Become opens or creates the logs of a topic's partitions and leads them. It goes on after an error: a partition that cannot be opened
// answers KAFKA_STORAGE_ERROR, the others serve.
func (m *Manager) Become(topic string, id [16]byte, cfg *config.Topic, replicas []Replica) error {
	var failed []error
	opened := make([]*Partition, 0, len(replicas))
	for _, r := range replicas {
		tp := storage.TopicPartition{Topic: topic, Partition: r.Index}
		p, err := m.open(tp, id, cfg, r)
		if err != nil {
			failed = append(failed, fmt.Errorf("partition %s: %w", tp, err))
			continue
		}
		opened = append(opened, p)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.byName[topic]
	if t == nil {
		t = &Topic{ID: id, Name: topic}
		t.partitions.Store(new([]*Partition))
		m.byName[topic], m.byID[id] = t, t
	}
	partitions := slices.Clone(t.all())
	for _, r := range replicas {
		for int(r.Index) >= len(partitions) {
			partitions = append(partitions, nil)
		}
	}
	for _, p := range opened {
		partitions[p.Partition] = p
	}
	t.partitions.Store(&partitions)
	return errors.Join(failed...)
}

func (m *Manager) open(tp storage.TopicPartition, id [16]byte, cfg *config.Topic, r Replica) (*Partition, error) {
	if p, err := m.Partition(tp.Topic, tp.Partition); err == nil {
		if p.leaderEpoch.Swap(r.LeaderEpoch) != r.LeaderEpoch {
			return p, p.log.AssignEpoch(r.LeaderEpoch, p.log.LogEndOffset())
		}
		return p, nil
	}
	log, err := m.logs.GetOrCreate(tp, storage.CreateOptions{TopicID: id, Config: cfg, Dir: r.Dir})
	if err != nil {
		return nil, err
	}
	log.UpdateConfig(cfg)
	if err := log.AssignEpoch(r.LeaderEpoch, log.LogEndOffset()); err != nil {
		return nil, err
	}
	log.SetHighWatermark(log.LogEndOffset()) // the only replica
	p := &Partition{TopicPartition: tp, TopicID: id, log: log}
	p.leaderEpoch.Store(r.LeaderEpoch)
	return p, nil
}

// Delete stops serving a topic and deletes its logs.
func (m *Manager) Delete(id [16]byte) error {
	m.mu.Lock()
	t := m.byID[id]
	if t == nil {
		m.mu.Unlock()
		return nil
	}
	delete(m.byID, id)
	delete(m.byName, t.Name)
	partitions := t.all()
	m.mu.Unlock()
	var failed []error
	for i, p := range partitions {
		if p != nil {
			p.close()
		}
		tp := storage.TopicPartition{Topic: t.Name, Partition: int32(i)}
		if err := m.logs.Delete(tp); err != nil && !errors.Is(err, storage.ErrNotFound) {
			failed = append(failed, fmt.Errorf("partition %s: %w", tp, err))
		}
	}
	return errors.Join(failed...)
}

// Reconfigure gives a topic's logs their new settings.
func (m *Manager) Reconfigure(topic string, cfg *config.Topic) {
	for _, p := range m.partitionsOf(topic) {
		p.log.UpdateConfig(cfg)
	}
}

func (m *Manager) partitionsOf(topic string) []*Partition {
	m.mu.RLock()
	defer m.mu.RUnlock()
	t := m.byName[topic]
	if t == nil {
		return nil
	}
	var held []*Partition
	for _, p := range t.all() {
		if p != nil {
			held = append(held, p)
		}
	}
	return held
}

// Partition finds a partition by its topic's name. The error is a protocol.Code.
func (m *Manager) Partition(topic string, index int32) (*Partition, error) {
	m.mu.RLock()
	t := m.byName[topic]
	m.mu.RUnlock()
	if t == nil {
		return nil, protocol.UnknownTopicOrPartition
	}
	return t.Partition(index)
}

// TopicByName finds a topic by its name as it lies in a request; it does not allocate. Nil: this broker holds none of its partitions.
func (m *Manager) TopicByName(name []byte) *Topic {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.byName[string(name)]
}

// TopicByID finds a topic by its id; nil: this broker holds none of its partitions.
func (m *Manager) TopicByID(id [16]byte) *Topic {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.byID[id]
}

// TopicName returns the name of a topic that this broker holds partitions of.
func (m *Manager) TopicName(id [16]byte) (string, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	t := m.byID[id]
	if t == nil {
		return "", false
	}
	return t.Name, true
}

// TopicID returns the id of a topic that this broker holds partitions of.
func (m *Manager) TopicID(name []byte) (id [16]byte, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	t := m.byName[string(name)]
	if t == nil {
		return id, false
	}
	return t.ID, true
}

func (t *Topic) all() []*Partition { return *t.partitions.Load() }

// Partition finds one of the topic's partitions. The error is a protocol.Code.
func (t *Topic) Partition(index int32) (*Partition, error) {
	partitions := t.all()
	if index < 0 || int(index) >= len(partitions) {
		return nil, protocol.UnknownTopicOrPartition
	}
	if p := partitions[index]; p != nil {
		return p, nil
	}
	return nil, protocol.KafkaStorageError
}
