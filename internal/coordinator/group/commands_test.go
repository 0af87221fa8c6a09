package group

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// command is a line of a script: a verb, the label of the request, and key=value arguments.
type command struct {
	verb, label string
	args        map[string]string
}

func parseCommand(line string) (command, error) {
	fields := strings.Fields(line)
	c := command{verb: fields[0], args: make(map[string]string)}
	for _, f := range fields[1:] {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			if c.label != "" {
				return c, fmt.Errorf("%q is neither the label nor key=value", f)
			}
			c.label = f
			continue
		}
		c.args[key] = value
	}
	return c, nil
}

func (c command) str(key, fallback string) string {
	if v, ok := c.args[key]; ok {
		return v
	}
	return fallback
}

func (c command) optional(key string) *string {
	if v, ok := c.args[key]; ok {
		return &v
	}
	return nil
}

func (c command) num(key string, fallback int64) int64 {
	v, ok := c.args[key]
	if !ok {
		return fallback
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (c command) list(key string) []string {
	if c.args[key] == "" {
		return nil
	}
	return strings.Split(c.args[key], ",")
}

func (c command) version(fallback int64) int16 { return int16(c.num("v", fallback)) }

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
//	delete-topics topics=TOPIC:ID,…  advance DURATION   set key=value…   reload
//	refuse CODE | accept             hold | release | timeout (the high watermark)
func (w *world) run(line string) error {
	c, err := parseCommand(line)
	if err != nil {
		return err
	}
	switch c.verb {
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
		w.end(c.num("producer", 7), c.label == "commit")
	case "fetch":
		w.fetch(c)
	case "offset-delete":
		w.offsetDelete(c)
	case "delete-groups":
		w.deleteGroups(c)
	case "describe":
		w.printf("%s: %s", c.label, formatDescribed(w.m.DescribeGroup(c.version(6), c.str("group", "g"))))
	case "list":
		for _, g := range w.m.ListGroups(c.list("states"), c.list("types")) {
			w.printf("%s: %s type=%q state=%s %s", c.label, g.Group, g.ProtocolType, g.GroupState, g.GroupType)
		}
	case "delete-topics":
		w.deleteTopics(c)
	default:
		return w.control(c)
	}
	return nil
}

// control plays the commands that are not requests.
func (w *world) control(c command) error {
	switch c.verb {
	case "advance":
		d, err := time.ParseDuration(c.label)
		if err != nil {
			return err
		}
		w.advance(d)
	case "set":
		w.set(c)
	case "reload":
		return w.reload()
	case "refuse":
		code := protocol.NotEnoughReplicas
		if c.label == "MESSAGE_TOO_LARGE" {
			code = protocol.MessageTooLarge
		}
		w.refuse = code
	case "accept":
		w.refuse = nil
	case "hold":
		w.hold = true
	case "release":
		w.hold = false
		w.release(nil)
	case "timeout":
		w.release(protocol.RequestTimedOut)
	default:
		return fmt.Errorf("no command %q", c.verb)
	}
	return nil
}

func (w *world) set(c command) {
	for key := range c.args {
		n := c.num(key, 0)
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

func (w *world) join(c command) {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = c.version(9)
	req.Group = c.str("group", "g")
	req.MemberID, req.InstanceID, req.Reason = c.str("member", ""), c.optional("instance"), c.optional("reason")
	req.SessionTimeoutMillis = int32(c.num("session", 10_000))
	req.RebalanceTimeoutMillis = int32(c.num("rebalance", 60_000))
	req.ProtocolType = c.str("type", "consumer")
	for _, p := range strings.Split(c.str("protocols", "range:t"), ",") {
		name, topics, _ := strings.Cut(p, ":")
		if name != "" {
			req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: name, Metadata: subscription(topics)})
		}
	}
	ctx := RequestContext{ClientID: c.str("client", strings.ToLower(c.label)), ClientHost: "/host"}
	reply := w.asked(c.label)
	w.apply(w.m.JoinGroup(w.now, ctx, req, func(resp *kmsg.JoinGroupResponse) { reply("%s", formatJoin(resp)) }))
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

func (w *world) sync(c command) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version = c.version(5)
	req.Group = c.str("group", "g")
	req.MemberID, req.InstanceID = c.str("member", ""), c.optional("instance")
	req.Generation = int32(c.num("gen", 1))
	req.ProtocolType, req.Protocol = c.optional("type"), c.optional("protocol")
	for _, a := range c.list("assign") {
		memberID, data, _ := strings.Cut(a, ":")
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: memberID, MemberAssignment: []byte(data)})
	}
	reply := w.asked(c.label)
	w.apply(w.m.SyncGroup(w.now, req, func(resp *kmsg.SyncGroupResponse) { reply("%s", formatSync(resp)) }))
}

func (w *world) heartbeat(c command) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group = c.str("group", "g")
	req.MemberID, req.InstanceID = c.str("member", ""), c.optional("instance")
	req.Generation = int32(c.num("gen", 1))
	reply := w.asked(c.label)
	w.apply(w.m.Heartbeat(w.now, req, func(resp *kmsg.HeartbeatResponse) { reply("%s", code(resp.ErrorCode)) }))
}

func (w *world) leave(c command) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version = c.version(5)
	req.Group = c.str("group", "g")
	for _, m := range strings.Split(c.str("members", ""), ",") {
		memberID, instanceID, static := strings.Cut(m, "/")
		member := kmsg.LeaveGroupRequestMember{MemberID: memberID}
		if static {
			member.InstanceID = &instanceID
		}
		req.MemberID = memberID
		req.Members = append(req.Members, member)
	}
	reply := w.asked(c.label)
	w.apply(w.m.LeaveGroup(w.now, req, func(resp *kmsg.LeaveGroupResponse) { reply("%s", formatLeave(resp)) }))
}

func (w *world) commit(c command) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version = c.version(10)
	req.Group = c.str("group", "g")
	req.MemberID, req.InstanceID = c.str("member", ""), c.optional("instance")
	req.Generation = int32(c.num("gen", -1))
	req.RetentionTimeMillis = c.num("retention", -1)
	for _, o := range c.list("offsets") {
		parts := strings.SplitN(o, ":", 3)
		topic := kmsg.NewOffsetCommitRequestTopic()
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		topic.Topic, p.Partition = topicPartition(parts[0])
		topic.TopicID = topicID(c.num("id", 0))
		p.Offset, _ = strconv.ParseInt(parts[1], 10, 64)
		p.LeaderEpoch = int32(c.num("epoch", -1))
		if len(parts) == 3 {
			p.Metadata = &parts[2]
		}
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
	}
	reply := w.asked(c.label)
	w.apply(w.m.OffsetCommit(w.now, req, func(resp *kmsg.OffsetCommitResponse) { reply("%s", formatCommit(resp)) }))
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

func (w *world) fetch(c command) {
	req := kmsg.NewOffsetFetchRequestGroup()
	req.Group = c.str("group", "g")
	for _, tp := range c.list("topics") {
		topic := kmsg.NewOffsetFetchRequestGroupTopic()
		var partition int32
		topic.Topic, partition = topicPartition(tp)
		topic.TopicID = topicID(c.num("id", 0))
		topic.Partitions = []int32{partition}
		req.Topics = append(req.Topics, topic)
	}
	reply := w.asked(c.label)
	w.apply(w.m.OffsetFetch(c.version(10), c.str("stable", "") != "", &req, func(resp kmsg.OffsetFetchResponseGroup) { reply("%s", formatFetch(resp)) }))
}

func (w *world) offsetDelete(c command) {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = c.str("group", "g")
	for _, tp := range c.list("topics") {
		topic := kmsg.NewOffsetDeleteRequestTopic()
		p := kmsg.NewOffsetDeleteRequestTopicPartition()
		topic.Topic, p.Partition = topicPartition(tp)
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
	}
	reply := w.asked(c.label)
	w.apply(w.m.OffsetDelete(req, func(resp *kmsg.OffsetDeleteResponse) { reply("%s", formatOffsetDelete(resp)) }))
}

func (w *world) deleteGroups(c command) {
	reply := w.asked(c.label)
	w.apply(w.m.DeleteGroups(c.list("groups"), func(answers []kmsg.DeleteGroupsResponseGroup) {
		var parts []string
		for _, a := range answers {
			parts = append(parts, a.Group+"="+code(a.ErrorCode))
		}
		reply("%s", strings.Join(parts, " "))
	}))
}

func (w *world) deleteTopics(c command) {
	var topics []DeletedTopic
	for _, t := range c.list("topics") {
		name, id, _ := strings.Cut(t, ":")
		n, _ := strconv.ParseInt(id, 10, 64)
		topics = append(topics, DeletedTopic{Name: name, ID: topicID(n)})
	}
	w.apply(w.m.DeleteTopics(topics))
}
