package group

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/scripttest"
)

// run plays one command:
//
//	join LABEL v= group= client= member= instance= type= protocols=NAME:TOPIC+TOPIC,… session= rebalance= reason=
//	sync LABEL v= member= instance= gen= type= protocol= assign=MEMBER:DATA,…
//	heartbeat LABEL member= instance= gen=
//	leave LABEL v= members=MEMBER/INSTANCE,…
//	commit LABEL v= member= instance= gen= offsets=TOPIC/PARTITION:OFFSET:METADATA,… retention= id=
//	txn-commit LABEL v= producer= member= instance= gen= offsets=TOPIC/PARTITION:OFFSET:METADATA,…
//	end producer= commit|abort       (the marker)
//	fetch LABEL v= topics=TOPIC/PARTITION,… stable=yes   (without topics: all)
//	offset-delete LABEL topics=TOPIC/PARTITION,…
//	delete-groups LABEL groups=,…    describe LABEL v= group=    list LABEL states=,… types=,…
//	delete-topics topics=TOPIC:ID,…  set key=value…   reload
//
// and those of scripttest.Stage.
func (w *world) run(line string) error {
	c := scripttest.Parse(line)
	if len(c.Words) > 1 {
		return fmt.Errorf("%q is neither the label nor key=value", c.Words[1])
	}
	switch c.Verb {
	case "join":
		w.join(c)
	case "sync":
		w.sync(c)
	case "heartbeat":
		w.heartbeat(c)
	case "leave":
		w.leave(c)
	case "commit":
		w.commit(c)
	case "txn-commit":
		w.txnCommit(c)
	case "end":
		w.end(c.Num("producer", 7), c.Word() == "commit")
	case "fetch":
		w.fetch(c)
	case "offset-delete":
		w.offsetDelete(c)
	case "delete-groups":
		w.deleteGroups(c)
	case "describe":
		w.Printf("%s: %s", c.Word(), formatDescribed(w.m.DescribeGroup(c.Version(6), c.Str("group", "g"))))
	case "list":
		for _, g := range w.m.ListGroups(c.List("states"), c.List("types")) {
			w.Printf("%s: %s type=%q state=%s %s", c.Word(), g.Group, g.ProtocolType, g.GroupState, g.GroupType)
		}
	case "delete-topics":
		w.deleteTopics(c)
	default:
		return w.control(c)
	}
	return nil
}

// control plays the commands that are not requests.
func (w *world) control(c scripttest.Command) error {
	switch c.Verb {
	case "set":
		w.set(c)
	case "reload":
		return w.reload()
	default:
		return w.Run(c)
	}
	return nil
}

func (w *world) set(c scripttest.Command) {
	for key := range c.Args {
		n := c.Num(key, 0)
		switch key {
		case "delay":
			w.config.InitialRebalanceDelayMs = int32(n)
		case "max-size":
			w.config.MaxSize = int32(n)
		case "metadata":
			w.config.OffsetMetadataMaxBytes = int32(n)
		case "retention":
			w.config.OffsetsRetentionMs = n
		case "check":
			w.config.OffsetsRetentionCheckIntervalMs = n
		default:
			panic("no setting " + key)
		}
	}
}

func (w *world) join(c scripttest.Command) {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = c.Version(9)
	req.Group = c.Str("group", "g")
	req.MemberID, req.InstanceID, req.Reason = c.Str("member", ""), c.Optional("instance"), c.Optional("reason")
	req.SessionTimeoutMillis = int32(c.Num("session", 10_000))
	req.RebalanceTimeoutMillis = int32(c.Num("rebalance", 60_000))
	req.ProtocolType = c.Str("type", "consumer")
	for _, p := range strings.Split(c.Str("protocols", "range:t"), ",") {
		name, topics, _ := strings.Cut(p, ":")
		if name != "" {
			req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: name, Metadata: subscription(topics)})
		}
	}
	ctx := RequestContext{ClientID: c.Str("client", strings.ToLower(c.Word())), ClientHost: "/host"}
	reply := w.Asked(c.Word())
	w.apply(w.m.JoinGroup(w.Now, ctx, req, func(resp *kmsg.JoinGroupResponse) { reply("%s", formatJoin(resp)) }))
}

// subscription is the metadata of a consumer that is subscribed to the topics; "!" begins metadata that is none.
func subscription(topics string) []byte {
	if raw, ok := strings.CutPrefix(topics, "!"); ok {
		return []byte(raw)
	}
	metadata := kmsg.ConsumerMemberMetadata{}
	if topics != "" {
		metadata.Topics = strings.Split(topics, "+")
	}
	return metadata.AppendTo(nil)
}

func (w *world) sync(c scripttest.Command) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version = c.Version(5)
	req.Group = c.Str("group", "g")
	req.MemberID, req.InstanceID = c.Str("member", ""), c.Optional("instance")
	req.Generation = int32(c.Num("gen", 1))
	req.ProtocolType, req.Protocol = c.Optional("type"), c.Optional("protocol")
	for _, a := range c.List("assign") {
		memberID, data, _ := strings.Cut(a, ":")
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: memberID, MemberAssignment: []byte(data)})
	}
	reply := w.Asked(c.Word())
	w.apply(w.m.SyncGroup(w.Now, req, func(resp *kmsg.SyncGroupResponse) { reply("%s", formatSync(resp)) }))
}

func (w *world) heartbeat(c scripttest.Command) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group = c.Str("group", "g")
	req.MemberID, req.InstanceID = c.Str("member", ""), c.Optional("instance")
	req.Generation = int32(c.Num("gen", 1))
	reply := w.Asked(c.Word())
	w.apply(w.m.Heartbeat(w.Now, req, func(resp *kmsg.HeartbeatResponse) { reply("%s", code(resp.ErrorCode)) }))
}

func (w *world) leave(c scripttest.Command) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version = c.Version(5)
	req.Group = c.Str("group", "g")
	for _, m := range strings.Split(c.Str("members", ""), ",") {
		memberID, instanceID, static := strings.Cut(m, "/")
		member := kmsg.LeaveGroupRequestMember{MemberID: memberID}
		if static {
			member.InstanceID = &instanceID
		}
		req.MemberID = memberID
		req.Members = append(req.Members, member)
	}
	reply := w.Asked(c.Word())
	w.apply(w.m.LeaveGroup(w.Now, req, func(resp *kmsg.LeaveGroupResponse) { reply("%s", formatLeave(resp)) }))
}

func (w *world) commit(c scripttest.Command) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version = c.Version(10)
	req.Group = c.Str("group", "g")
	req.MemberID, req.InstanceID = c.Str("member", ""), c.Optional("instance")
	req.Generation = int32(c.Num("gen", -1))
	req.RetentionTimeMillis = c.Num("retention", -1)
	for _, o := range c.List("offsets") {
		parts := strings.SplitN(o, ":", 3)
		topic := kmsg.NewOffsetCommitRequestTopic()
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		topic.Topic, p.Partition = topicPartition(parts[0])
		topic.TopicID = topicID(c.Num("id", 0))
		p.Offset, _ = strconv.ParseInt(parts[1], 10, 64)
		p.LeaderEpoch = int32(c.Num("epoch", -1))
		if len(parts) == 3 {
			p.Metadata = &parts[2]
		}
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
	}
	reply := w.Asked(c.Word())
	w.apply(w.m.OffsetCommit(w.Now, req, func(resp *kmsg.OffsetCommitResponse) { reply("%s", formatCommit(resp)) }))
}

func topicID(n int64) (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func topicPartition(s string) (topic string, partition int32) {
	topic, number, _ := strings.Cut(s, "/")
	n, _ := strconv.Atoi(number)
	return topic, int32(n)
}

func (w *world) fetch(c scripttest.Command) {
	req := kmsg.NewOffsetFetchRequestGroup()
	req.Group = c.Str("group", "g")
	for _, tp := range c.List("topics") {
		topic := kmsg.NewOffsetFetchRequestGroupTopic()
		var partition int32
		topic.Topic, partition = topicPartition(tp)
		topic.TopicID = topicID(c.Num("id", 0))
		topic.Partitions = []int32{partition}
		req.Topics = append(req.Topics, topic)
	}
	reply := w.Asked(c.Word())
	w.apply(w.m.OffsetFetch(c.Version(10), c.Str("stable", "") != "", &req, func(resp kmsg.OffsetFetchResponseGroup) { reply("%s", formatFetch(resp)) }))
}

func (w *world) offsetDelete(c scripttest.Command) {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = c.Str("group", "g")
	for _, tp := range c.List("topics") {
		topic := kmsg.NewOffsetDeleteRequestTopic()
		p := kmsg.NewOffsetDeleteRequestTopicPartition()
		topic.Topic, p.Partition = topicPartition(tp)
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
	}
	reply := w.Asked(c.Word())
	w.apply(w.m.OffsetDelete(req, func(resp *kmsg.OffsetDeleteResponse) { reply("%s", formatOffsetDelete(resp)) }))
}

func (w *world) deleteGroups(c scripttest.Command) {
	reply := w.Asked(c.Word())
	w.apply(w.m.DeleteGroups(c.List("groups"), func(answers []kmsg.DeleteGroupsResponseGroup) {
		var parts []string
		for _, a := range answers {
			parts = append(parts, a.Group+"="+code(a.ErrorCode))
		}
		reply("%s", strings.Join(parts, " "))
	}))
}

func (w *world) deleteTopics(c scripttest.Command) {
	var topics []DeletedTopic
	for _, t := range c.List("topics") {
		name, id, _ := strings.Cut(t, ":")
		n, _ := strconv.ParseInt(id, 10, 64)
		topics = append(topics, DeletedTopic{Name: name, ID: topicID(n)})
	}
	w.apply(w.m.DeleteTopics(topics))
}
