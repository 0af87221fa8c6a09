"""The checks of group members."""

import threading

from common import new_topic, records_of, send_all, want_error
from harness import Failed, unique

# Kafka's error codes.
OFFSET_METADATA_TOO_LARGE = 12


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
