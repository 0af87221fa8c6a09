"""The checks of ../README.md, written once for all clients in Python; a client is an adapter (see adapter.py)."""

import os
import threading
import time

import harness
from adapter import Record
from harness import Failed, unique

BASE_MS = int(time.time() * 1000) - 3_600_000

# Kafka's error codes.
OFFSET_OUT_OF_RANGE = 1
UNKNOWN_TOPIC = 3
MESSAGE_TOO_LARGE = 10
OFFSET_METADATA_TOO_LARGE = 12
INVALID_TOPIC = 17
TOPIC_EXISTS = 36
INVALID_PARTITIONS = 37
INVALID_REPLICATION_FACTOR = 38
INVALID_CONFIG = 40
NON_EMPTY_GROUP = 68
GROUP_NOT_FOUND = 69


def run_all(a):
    """Runs every check with adapter a, but those of transactions.py."""
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        for acks in ("0", "1", "all"):
            harness.run(f"produce/{codec}/acks={acks}", 30, lambda c, codec=codec, acks=acks: codec_and_acks(c, a, codec, acks))
    harness.run("headers", 60, lambda c: headers(c, a))
    harness.run("large/record", 60, lambda c: large_record(c, a))
    harness.run("large/refused", 60, lambda c: large_refused(c, a))
    harness.run("idempotent", 60, lambda c: idempotent(c, a))
    harness.run("offsets/time", 60, lambda c: offsets_by_time(c, a))
    harness.run("offsets/out-of-range", 60, lambda c: out_of_range(c, a))
    harness.run("auto-create", 60, lambda c: auto_create(c, a))
    harness.run("group/come-and-go", 120, lambda c: come_and_go(c, a))
    for name in a.assignors:
        harness.run(f"group/assignor/{name}", 60, lambda c, name=name: assignor(c, a, name))
    harness.run("group/static", 60, lambda c: static_member(c, a))
    harness.run("group/resume", 60, lambda c: resume(c, a))
    harness.run("admin/topics", 60, lambda c: admin_topics(c, a))
    harness.run("admin/configs", 60, lambda c: admin_configs(c, a))
    harness.run("admin/groups", 60, lambda c: admin_groups(c, a))
    harness.run("admin/offsets", 60, lambda c: admin_offsets(c, a))
    harness.run("admin/delete-records", 60, lambda c: delete_records(c, a))
    harness.run("admin/cluster", 60, lambda c: cluster(c, a))
    harness.run("restart/stop", 120, lambda c: restart(c, a, "stop"))
    harness.run("restart/kill", 120, lambda c: restart(c, a, "kill"))


def want_error(a, code, doing, call):
    try:
        call()
    except Failed:
        raise
    except Exception as e:  # noqa: BLE001 - the adapter tells which error it is
        got = a.code(e)
        if got != code:
            raise Failed(f"{doing}: want error {code}, got {got}: {e!r}") from e
        return
    raise Failed(f"{doing}: want error {code}, but it went well")


def new_topic(c, a, partitions, **configs):
    """Creates a topic and waits until its partitions are served; max_message_bytes stands for max.message.bytes."""
    name = unique("t")
    a.create(name, partitions, {key.replace("_", "."): str(value) for key, value in configs.items()})

    def problem():
        try:
            for p in range(partitions):
                a.offset_for(name, p, "latest")
        except Exception as e:  # noqa: BLE001
            return f"the new topic {name} is not served: {e!r}"
        return None

    c.eventually(problem)
    return name


def read_all(c, a, topic, partitions, count, **config):
    reader = a.reader({(topic, p): "beginning" for p in range(partitions)}, **config)
    try:
        got = []
        while len(got) < count:
            got += reader.poll(0.5)
            c.that(not c.over(), f"read {len(got)} of {count} records of {topic}")
        c.same(count, len(got), f"records of {topic}")
        return got
    finally:
        reader.close()


def send_all(c, a, records, **config):
    """Sends records in order and returns their offsets."""
    producer = a.producer(**config)
    try:
        answers = [producer.send(r) for r in records]
        producer.flush()
        return [answer() for answer in answers]
    finally:
        producer.close()


def records_of(topic, values, partitions=1):
    return [Record(topic, i % partitions, None, BASE_MS, None, v.encode(), []) for i, v in enumerate(values)]


def same_records(c, sent, got):
    c.same(len(sent), len(got), "number of records")
    for i, (want, one) in enumerate(zip(sent, got)):
        c.same(i, one.offset, f"offset of record {i}")
        c.same(want.key, one.key, f"key of record {i}")
        c.that(want.value == one.value, f"value of record {i} differs")
        c.same(want.timestamp, one.timestamp, f"timestamp of record {i}")
        c.same(want.headers, one.headers, f"headers of record {i}")


def sample(topic, partition, count):
    records = []
    for i in range(count):
        key = None if i % 3 == 0 else b"" if i % 3 == 1 else b"key-%d" % i
        value = None if i % 5 == 0 and key is not None else b"" if i % 5 == 1 else (b"value %d " % i) * i
        with_headers = [(f"h{h}", b"%d" % i) for h in range(i % 4)]
        records.append(Record(topic, partition, None, BASE_MS + 1000 * i, key, value, with_headers))
    return records


def codec_and_acks(c, a, codec, acks):
    topic = new_topic(c, a, 2)
    sent = [sample(topic, p, 100) for p in (0, 1)]
    offsets = send_all(c, a, sent[0] + sent[1], codec=codec, acks=acks)
    if acks != "0":
        c.same(list(range(100)) * 2, offsets, "offsets in the answers")
    got = read_all(c, a, topic, 2, 200)
    for p in (0, 1):
        same_records(c, sent[p], [r for r in got if r.partition == p])


def headers(c, a):
    topic = new_topic(c, a, 1)
    with_headers = [("same", b"1"), ("same", b"2"), ("empty", b""), ("bytes", b"\x00\xff\xfe\x01"), ("größe", "ü".encode())]
    if a.null_headers:
        with_headers.append(("null", None))
    sent = [Record(topic, 0, None, BASE_MS, b"k", b"v", with_headers)]
    send_all(c, a, sent)
    same_records(c, sent, read_all(c, a, topic, 1, 1))


def large_record(c, a):
    topic = new_topic(c, a, 1, max_message_bytes=5_000_000)
    sent = records_of(topic, ["before", "large", "after"])
    sent[1] = sent[1]._replace(value=os.urandom(3 << 20))
    for r in sent:
        send_all(c, a, [r], max_bytes=6_000_000)
    same_records(c, sent, read_all(c, a, topic, 1, 3, fetch_bytes=65_536))


def large_refused(c, a):
    topic = new_topic(c, a, 1)
    large = Record(topic, 0, None, BASE_MS, None, os.urandom(2 << 20), [])
    want_error(a, MESSAGE_TOO_LARGE, "2 MB into a topic with the default limit", lambda: send_all(c, a, [large], max_bytes=6_000_000))
    small = records_of(topic, ["small"])
    send_all(c, a, small)
    same_records(c, small, read_all(c, a, topic, 1, 1))


def idempotent(c, a):
    topic = new_topic(c, a, 1)
    values = [str(i) for i in range(3000)]
    offsets = send_all(c, a, records_of(topic, values), idempotent=True, small_batches=True)
    c.same(list(range(3000)), offsets, "offsets in the answers")
    got = read_all(c, a, topic, 1, 3000, isolation="read_committed")
    c.same(values, [r.value.decode() for r in got], "values")


def offsets_by_time(c, a):
    topic = new_topic(c, a, 1)
    for i in range(50):
        send_all(c, a, [Record(topic, 0, None, BASE_MS + 1000 * i, None, b"%d" % i, [])]) if i in (0, 49) else None
        if i == 0:
            send_all(c, a, [Record(topic, 0, None, BASE_MS + 1000 * j, None, b"%d" % j, []) for j in range(1, 49)])
    for what, spec, want in (
        ("before all", BASE_MS - 1, 0),
        ("the time of a record", BASE_MS + 20_000, 20),
        ("between two", BASE_MS + 20_001, 21),
        ("the last", BASE_MS + 49_000, 49),
        ("after all", BASE_MS + 49_001, None),
        ("earliest", "earliest", 0),
        ("latest", "latest", 50),
    ):
        c.same(want, a.offset_for(topic, 0, spec), f"offset for {what}")
    reader = a.reader({(topic, 0): 30})
    try:
        got = []
        while not got and not c.over():
            got = reader.poll(0.5)
        c.same(30, got[0].offset, "first record after the seek")
    finally:
        reader.close()


def out_of_range(c, a):
    topic = new_topic(c, a, 1)
    send_all(c, a, records_of(topic, ["a", "b"]))
    reader = a.reader({(topic, 0): 1000}, reset="earliest")
    try:
        got = []
        while len(got) < 2 and not c.over():
            got += reader.poll(0.5)
        c.same([0, 1], [r.offset for r in got], "offsets after falling back to earliest")
    finally:
        reader.close()


def auto_create(c, a):
    topic = unique("auto")
    sent = [Record(topic, None, None, BASE_MS, None, b"v", [])]
    send_all(c, a, sent)
    same_records(c, sent, read_all(c, a, topic, 1, 1))
    c.same(1, len(a.partitions(topic)), "partitions of a topic that producing created")


class Member:
    """A group member that polls in its own thread and commits after every poll."""

    def __init__(self, a, group, topic, seen, **config):
        self.seen = seen
        self.owned = []
        self.error = None
        self.stopping = threading.Event()
        self.topic = topic
        self.consumer = a.consumer(group, [topic], **config)
        self.thread = threading.Thread(target=self.consume, daemon=True)
        self.thread.start()

    def consume(self):
        try:
            while not self.stopping.is_set():
                records = self.consumer.poll(0.1)
                for r in records:
                    value = r.value.decode()
                    self.seen[value] = self.seen.get(value, 0) + 1
                if records:
                    self.consumer.commit()
                self.owned = self.consumer.owned()
        except Exception as e:  # noqa: BLE001
            self.error = e
        finally:
            self.owned = []
            self.consumer.close()

    def now_owned(self):
        if self.error is not None:
            raise Failed(f"a member ended: {self.error!r}")
        return self.owned

    def leave(self):
        self.stopping.set()
        self.thread.join(20)


def settle(c, members, partitions):
    """Waits until every partition has one owner and every member owns some, several times in a row."""
    good = [0]

    def problem():
        owners = {p: [] for p in range(partitions)}
        for name, member in members.items():
            owned = member.now_owned()
            if not owned:
                good[0] = 0
                return f"member {name} of {len(members)} owns nothing"
            for p in owned:
                owners[p].append(name)
        if any(len(names) != 1 for names in owners.values()):
            good[0] = 0
            return f"the owners of partitions are {owners}"
        good[0] += 1
        return None if good[0] >= 6 else "not settled for long enough"

    c.eventually(problem)


def come_and_go(c, a):
    """While the group is settled, what is sent is seen exactly once; what is sent during a change, at least once."""
    topic, group = new_topic(c, a, 6), unique("g")
    seen, members, moving, settled = {}, {}, [], []

    def send(kind, count, values):
        more = [f"{kind}-{len(values) + i}" for i in range(count)]
        send_all(c, a, records_of(topic, more, 6))
        values += more

    def all_seen(values, when):
        missing = [v for v in values if v not in seen]
        return f"{len(missing)} not seen {when}: {missing[:5]}" if missing else None

    try:
        for change in ("+a", "+b", "+c", "-a", "-b", "+d"):
            name = change[1:]
            if change[0] == "+":
                members[name] = Member(a, group, topic, seen)
            else:
                members.pop(name).leave()
            send("moving", 30, moving)
            settle(c, members, 6)
            c.eventually(lambda: all_seen(moving, "after " + change))
            send("settled", 60, settled)
            c.eventually(lambda: all_seen(settled, "while settled after " + change))
        repeated = [v for v in settled if seen[v] > 1]
        c.that(not repeated, f"{len(repeated)} seen more than once though the group was settled: {repeated[:5]}")
    finally:
        for member in members.values():
            member.leave()


def assignor(c, a, name):
    topic, group = new_topic(c, a, 5), unique("g")
    members = {m: Member(a, group, topic, {}, assignor=name) for m in ("a", "b")}
    try:
        settle(c, members, 5)
        described = a.describe_group(group)
        if described.assignor is not None:
            c.same(name, described.assignor, "assignor of the group")
    finally:
        for member in members.values():
            member.leave()


def static_member(c, a):
    topic, group = new_topic(c, a, 4), unique("g")
    members = {m: Member(a, group, topic, {}, instance=m) for m in ("a", "b")}
    try:
        settle(c, members, 4)
        kept, ids = sorted(members["a"].owned), {m.client_id for m in a.describe_group(group).members}
        members.pop("a").leave()  # a static member does not send LeaveGroup
        c.same(ids, {m.client_id for m in a.describe_group(group).members}, "members while one is away")
        members["a"] = Member(a, group, topic, {}, instance="a")
        settle(c, members, 4)
        c.same(kept, sorted(members["a"].owned), "partitions of the static member")
    finally:
        for member in members.values():
            member.leave()


def resume(c, a):
    topic, group = new_topic(c, a, 1), unique("g")
    send_all(c, a, records_of(topic, [str(i) for i in range(20)]))
    first = a.consumer(group, [topic])
    got = []
    while len(got) < 20 and not c.over():
        got += first.poll(0.5)
    first.commit({(topic, 0): (12, "a note")})
    first.close()
    c.same((12, "a note"), a.offsets(group, topic).get(0), "what the group committed")
    second = a.consumer(group, [topic])
    try:
        got = []
        while not got and not c.over():
            got = second.poll(0.5)
        c.same(12, got[0].offset, "first record of the successor")
        want_error(a, OFFSET_METADATA_TOO_LARGE, "metadata of 5000 bytes", lambda: second.commit({(topic, 0): (13, "x" * 5000)}))
        c.same((12, "a note"), a.offsets(group, topic).get(0), "offset after the refused commit")
    finally:
        second.close()


def admin_topics(c, a):
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


def admin_configs(c, a):
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


def admin_groups(c, a):
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


def admin_offsets(c, a):
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


def restart(c, a, how):
    """The node goes down and comes back while a producer sends and a member consumes; both go on by themselves."""
    topic, group = new_topic(c, a, 2, retention_ms=7654321), unique("g")
    seen = {}
    member = Member(a, group, topic, seen)
    try:
        settle(c, {"m": member}, 2)
        producer = a.producer(idempotent=True)
        answers, stopping = [], threading.Event()

        def send():
            while not stopping.is_set():
                i = len(answers)
                answers.append(producer.send(Record(topic, i % 2, None, None, None, b"%d" % i, [])))
                time.sleep(0.001)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        c.eventually(lambda: None if len(answers) > 300 else f"sent {len(answers)}")
        c.restart(how)
        before = len(answers)
        c.eventually(lambda: None if len(answers) > before + 300 else f"sent {len(answers)}")
        stopping.set()
        sender.join(30)
        producer.flush()
        for answer in answers:
            answer()
        producer.close()
        c.eventually(lambda: None if len(seen) == len(answers) else f"the member, owner of {member.now_owned()}, saw {len(seen)} of {len(answers)} records")
        for p in (0, 1):
            got = [int(r.value) for r in read_all(c, a, topic, 2, len(answers)) if r.partition == p]
            c.same(list(range(p, len(answers), 2)), got, f"records of partition {p}")

        def committed():
            total = sum(o[0] for o in a.offsets(group, topic).values())
            return None if total == len(answers) else f"committed {total} of {len(answers)} records"

        c.eventually(committed)
        c.same("7654321", a.configs("topic", topic)["retention.ms"][0], "retention.ms after the restart")
    finally:
        member.leave()
