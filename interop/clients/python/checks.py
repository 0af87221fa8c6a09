"""The checks of ../README.md, written once for all clients in Python; a client is an adapter (see adapter.py)."""

import os
import threading
import time

import admin
import groups
import harness
from adapter import Record
from common import BASE_MS, new_topic, read_all, records_of, same_records, sample, send_all, want_error
from groups import Member, settle
from harness import unique

# Kafka's error codes.
MESSAGE_TOO_LARGE = 10


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
    harness.run("group/come-and-go", 120, lambda c: groups.come_and_go(c, a))
    for name in a.assignors:
        harness.run(f"group/assignor/{name}", 60, lambda c, name=name: groups.assignor(c, a, name))
    harness.run("group/static", 60, lambda c: groups.static_member(c, a))
    harness.run("group/resume", 60, lambda c: groups.resume(c, a))
    harness.run("admin/topics", 60, lambda c: admin.topics(c, a))
    harness.run("admin/configs", 60, lambda c: admin.configs(c, a))
    harness.run("admin/groups", 60, lambda c: admin.groups(c, a))
    harness.run("admin/offsets", 60, lambda c: admin.offsets(c, a))
    harness.run("admin/delete-records", 60, lambda c: admin.delete_records(c, a))
    harness.run("admin/cluster", 60, lambda c: admin.cluster(c, a))
    harness.run("restart/stop", 120, lambda c: restart(c, a, "stop"))
    harness.run("restart/kill", 120, lambda c: restart(c, a, "kill"))


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
