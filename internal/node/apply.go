package node

import (
	"slices"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/replica/run"
)

// apply carries a change of the metadata over to the logs, the settings and the coordinators. It is called for one change at a time.
func (n *Node) apply(old, img *metadata.Image, delta *metadata.Delta) {
	self := metadata.BrokerResource(n.options.Config.NodeID())
	if slices.Contains(delta.Configs, self) || slices.Contains(delta.Configs, metadata.DefaultBrokerResource) {
		n.live.Update(img.Configs(metadata.DefaultBrokerResource), img.Configs(self))
		for t := range img.Topics() {
			n.replicas.Reconfigure(t.Name, n.topicConfig(img, t.Name))
		}
	}
	for _, r := range delta.Configs {
		if r.Type == metadata.ResourceTopic && img.Topic(r.Name) != nil {
			n.replicas.Reconfigure(r.Name, n.topicConfig(img, r.Name))
		}
	}
	n.noteFlushing(img, delta)
	n.deleteTopics(delta.Deleted)
	led := map[string][]run.Replica{}
	for _, t := range delta.Created {
		led[t.Name] = n.becomeReplica(img, t, nil)
	}
	for _, c := range delta.Changed {
		led[c.New.Name] = append(led[c.New.Name], n.becomeReplica(img, c.New, c.Partitions)...)
	}
	// When all partitions are there: the first thing that a coordinator may do is to write markers into them.
	n.coordinate(offsetsTopic, led[offsetsTopic], n.groups.OnPartitionLeader)
	n.coordinate(transactionStateTopic, led[transactionStateTopic], n.transactions.OnPartitionLeader)
}

func (n *Node) deleteTopics(topics []*metadata.Topic) {
	if len(topics) == 0 {
		return
	}
	var gone []group.DeletedTopic
	for _, t := range topics {
		for i := range t.Partitions {
			switch t.Name {
			case offsetsTopic:
				n.groups.OnPartitionLost(int32(i), -1)
			case transactionStateTopic:
				n.transactions.OnPartitionResigned(int32(i), -1)
			}
		}
		if err := n.replicas.Delete(t.ID); err != nil {
			n.logger.Error("cannot delete the logs of a topic", "topic", t.Name, "error", err)
		}
		gone = append(gone, group.DeletedTopic{Name: t.Name, ID: t.ID})
	}
	n.groups.OnTopicsDeleted(gone)
}

// becomeReplica leads the partitions of a topic that are this broker's; nil stands for all of them. It returns which those are.
func (n *Node) becomeReplica(img *metadata.Image, t *metadata.Topic, partitions []int32) []run.Replica {
	self := n.options.Config.NodeID()
	var replicas []run.Replica
	add := func(index int32) {
		p := t.Partition(index)
		if p == nil || p.Leader != self {
			return
		}
		replicas = append(replicas, run.Replica{Index: index, LeaderEpoch: p.LeaderEpoch, Dir: n.assignedDir(p, self)})
	}
	if partitions == nil {
		for i := range t.Partitions {
			add(int32(i))
		}
	}
	for _, i := range partitions {
		add(i)
	}
	if err := n.replicas.Become(t.Name, t.ID, n.topicConfig(img, t.Name), replicas); err != nil {
		n.logger.Error("some partitions cannot be served", "topic", t.Name, "error", err)
	}
	return replicas
}

// coordinate hands partitions of an internal topic to the coordinator whose state they hold.
func (n *Node) coordinate(topic string, replicas []run.Replica, lead func(partition, leaderEpoch int32, log coordinator.Log)) {
	for _, r := range replicas {
		if p, err := n.replicas.Partition(topic, r.Index); err == nil {
			lead(r.Index, r.LeaderEpoch, coordinatorLog{partition: p, epoch: r.LeaderEpoch})
		}
	}
}

// assignedDir returns the path of the directory that the metadata puts a replica in, empty where it leaves that to the broker.
func (n *Node) assignedDir(p *metadata.Partition, broker int32) string {
	at := slices.Index(p.Replicas, broker)
	if at < 0 || at >= len(p.Directories) {
		return ""
	}
	for dir, id := range n.logs.DirectoryIDs() {
		if id == p.Directories[at] {
			return dir
		}
	}
	return ""
}

// topicConfig resolves a topic's settings. What is stored has been checked; should it not resolve, the defaults serve and the log tells.
func (n *Node) topicConfig(img *metadata.Image, topic string) *config.Topic {
	s := n.live.Snapshot()
	cfg, err := s.Topic(img.Configs(metadata.TopicResource(topic)))
	if err == nil {
		return cfg
	}
	n.logger.Error("the settings of a topic do not resolve; it is served with the defaults", "topic", topic, "error", err)
	cfg, err = s.Topic(nil)
	if err != nil {
		panic("node: the defaults of topics do not resolve: " + err.Error())
	}
	return cfg
}
