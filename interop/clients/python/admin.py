"""The checks of the admin clients."""

import harness
from common import new_topic, read_all, records_of, send_all, want_error
from groups import Member, settle
from harness import unique

# Kafka's error codes.
OFFSET_OUT_OF_RANGE = 1
UNKNOWN_TOPIC = 3
INVALID_TOPIC = 17
TOPIC_EXISTS = 36
INVALID_PARTITIONS = 37
INVALID_REPLICATION_FACTOR = 38
INVALID_CONFIG = 40
NON_EMPTY_GROUP = 68
GROUP_NOT_FOUND = 69


def topics(c, a):
    topic, other = new_topic(c, a, 3, retention_ms=1234567), unique("t")
    want_error(a, TOPIC_EXISTS, "create it again", lambda: a.create(topic, 1))
    want_error(a, INVALID_TOPIC, "an illegal name", lambda: a.create("not/legal", 1))
    want_error(a, INVALID_REPLICATION_FACTOR, "nine replicas", lambda: a.create(other, 1, replicas=9))
    want_error(a, INVALID_CONFIG, "a wrong config", lambda: a.create(other, 1, {"cleanup.policy": "never"}))
    a.create(other, 2, validate_only=True)
    c.that(other not in a.topics(), "a creation that was only validated made the topic")
    partitions = a.partitions(topic)
    c.same([0, 1, 2], sorted(partitions), "partitions")
    c.that(all(leader >= 0 and len(isr) == 1 for leader, isr in partitions.values()), f"described as {partitions}")
    a.add_partitions(topic, 5)
    want_error(a, INVALID_PARTITIONS, "fewer partitions", lambda: a.add_partitions(topic, 4))
    c.eventually(lambda: None if len(a.partitions(topic)) == 5 else f"partitions after adding: {a.partitions(topic)}")
    a.delete(topic)
    want_error(a, UNKNOWN_TOPIC, "delete again", lambda: a.delete(topic))
    c.eventually(lambda: None if topic not in a.topics() else "the deleted topic is listed")


def configs(c, a):
    topic = new_topic(c, a, 1)

    def want(key, value, source):
        def problem():
            got = a.configs("topic", topic).get(key)
            return None if got == (value, source) else f"{key}: want {value} from source {source}, got {got}"

        c.eventually(problem)

    default, dynamic = 5, 1  # Kafka's numbers of config sources
    want("retention.ms", "604800000", default)
    a.alter(topic, "set", "retention.ms", "3600000")
    want("retention.ms", "3600000", dynamic)
    a.alter(topic, "append", "cleanup.policy", "compact")
    want("cleanup.policy", "delete,compact", dynamic)
    a.alter(topic, "subtract", "cleanup.policy", "compact")
    want("cleanup.policy", "delete", dynamic)
    a.alter(topic, "delete", "retention.ms", None)
    want("retention.ms", "604800000", default)
    want_error(a, INVALID_CONFIG, "a value that is no number", lambda: a.alter(topic, "set", "retention.ms", "soon"))
    want_error(a, INVALID_CONFIG, "an unknown key", lambda: a.alter(topic, "set", "no.such.config", "1"))
    broker = a.configs("broker", str(a.cluster().brokers[0][0]))
    c.that(len(broker) > 100, f"the broker has {len(broker)} configs")
    c.same("1", broker["num.partitions"][0], "num.partitions")


def groups(c, a):
    topic, group = new_topic(c, a, 2), unique("g")
    member = Member(a, group, topic, {}, client="the-client")
    try:
        settle(c, {"m": member}, 2)
        c.that(group in a.groups(), "the group is not listed")
        described = a.describe_group(group)
        c.same("stable", described.state.lower(), "state")
        c.same([("the-client", "/127.0.0.1", {0, 1})], [tuple(m) for m in described.members], "members")
        want_error(a, NON_EMPTY_GROUP, "delete a group with a member", lambda: a.delete_group(group))
    finally:
        member.leave()
    c.eventually(lambda: None if a.describe_group(group).state.lower() == "empty" else "without members the group is " + a.describe_group(group).state)
    a.delete_group(group)
    want_error(a, GROUP_NOT_FOUND, "delete it again", lambda: a.delete_group(group))
    c.that(group not in a.groups(), "the deleted group is listed")


def offsets(c, a):
    topic, group = new_topic(c, a, 2), unique("g")
    a.alter_offsets(group, topic, {0: 5, 1: 7})
    c.same({0: 5, 1: 7}, {p: o[0] for p, o in a.offsets(group, topic).items()}, "offsets")
    if not a.deletes_offsets:
        return
    a.delete_offset(group, topic, 1)
    c.same({0: 5}, {p: o[0] for p, o in a.offsets(group, topic).items()}, "offsets after one was deleted")


def delete_records(c, a):
    topic = new_topic(c, a, 1)
    send_all(c, a, records_of(topic, ["0", "1", "2", "3", "4"]))
    c.same(3, a.delete_records(topic, 0, 3), "low watermark")
    want_error(a, OFFSET_OUT_OF_RANGE, "delete beyond the end", lambda: a.delete_records(topic, 0, 99))
    c.same(3, a.offset_for(topic, 0, "earliest"), "earliest offset")
    c.same([(3, b"3"), (4, b"4")], [(r.offset, r.value) for r in read_all(c, a, topic, 1, 2)], "records left")


def cluster(c, a):
    topic, got = new_topic(c, a, 3), a.cluster()
    c.same(1, len(got.brokers), "brokers")
    node, host, port = got.brokers[0]
    c.same(harness.BOOTSTRAP, f"{host}:{port}", "address of the node")
    c.same(node, got.controller, "controller")
    c.that(got.cluster_id, "no cluster id")

    def problem():
        found = a.partitions_in_log_dirs(topic)
        return None if found in (3, None) else f"{found} of the topic's 3 partitions are in the log dirs"

    c.eventually(problem)
