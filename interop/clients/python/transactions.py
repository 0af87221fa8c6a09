"""The checks of transactions, for clients whose adapter has transactional(), ends() and fenced(); see ../README.md.

A transactional producer has init, begin, send, flush, commit, abort, offsets(consumer or group, {(topic, partition): offset}) and
close; abandon() leaves it as a process that hangs would be. skips_sequences says that the client goes on behind the sequence number
of a record that was refused, so that only a new producer can go on; zombies_come_back, that its answer to being fenced is to take the
id again.
"""

import os
import threading

import harness
from adapter import Record
from common import new_topic, records_of, send_all, want_error
from harness import Failed, Skipped, unique

MESSAGE_TOO_LARGE = 10
COMMITTED, UNCOMMITTED = "read_committed", "read_uncommitted"


def run_all(a):
    harness.run("transactions/commit-and-abort", 60, lambda c: commit_and_abort(c, a))
    harness.run("transactions/offsets", 60, lambda c: offsets(c, a))
    harness.run("transactions/empty", 60, lambda c: empty(c, a))
    harness.run("transactions/many-partitions", 60, lambda c: many_partitions(c, a))
    harness.run("transactions/failed-send", 60, lambda c: failed_send(c, a))
    harness.run("transactions/fencing", 60, lambda c: fencing(c, a))
    harness.run("transactions/timeout", 60, lambda c: timeout(c, a))
    harness.run("transactions/consume-transform-produce", 120, lambda c: chain(c, a))
    harness.run("transactions/admin", 60, lambda c: admin(c, a))
    harness.run("transactions/restart/open/stop", 120, lambda c: restart(c, a, "stop"))
    harness.run("transactions/restart/open/kill", 120, lambda c: restart(c, a, "kill"))


def record(topic, partition, value):
    return Record(topic, partition, None, None, None, value.encode(), [])


def read(c, a, topic, partitions, isolation, count):
    """Reads count records, waits for more than that a little, and gives the values by partition."""
    reader = a.reader({(topic, p): "beginning" for p in range(partitions)}, isolation=isolation)
    got = []
    try:
        while len(got) < count and not c.over():
            got += reader.poll(0.2)
        got += reader.poll(0.3)
    finally:
        reader.close()
    return {p: [r.value.decode() for r in got if r.partition == p] for p in range(partitions)}


def want_read(c, a, topic, isolation, want, when):
    got = read(c, a, topic, len(want), isolation, sum(len(values) for values in want.values()))
    c.same(want, got, f"{isolation} {when}")


def all_at(c, a, topic, partitions, isolation, want, when):
    """The ends of partitions; markers follow the answer to the end of a transaction."""

    def problem():
        try:
            got = a.ends(topic, partitions, isolation)
        except Exception as e:  # noqa: BLE001 - while the node comes back
            return f"{isolation} ends {when}: {e!r}"
        return None if got == want else f"{isolation} ends {when}: want {want}, got {got}"

    c.eventually(problem)


def begun(a, transactional_id, **config):
    producer = a.transactional(transactional_id, **config)
    producer.init()
    producer.begin()
    return producer


def put(producer, *records):
    """Sends and waits for the answers."""
    answers = [producer.send(r) for r in records]
    producer.flush()
    return [answer() for answer in answers]


def commit_and_abort(c, a):
    """Plain records go between those of transactions; they wait for the transaction that is open before them."""
    topic = new_topic(c, a, 3)
    committed, everything = {0: [], 1: [], 2: []}, {0: [], 1: [], 2: []}
    producer = a.transactional(unique("x"))
    producer.init()
    try:
        for t in range(6):
            before = a.ends(topic, 3, COMMITTED)
            producer.begin()
            for p in range(3):
                values = [f"{t}-{p}-a", f"{t}-{p}-b"]
                put(producer, *[record(topic, p, v) for v in values])
                everything[p] += values
                committed[p] += values if t % 2 == 0 else []
            send_all(c, a, [record(topic, 0, f"plain-{t}")])
            everything[0].append(f"plain-{t}")
            committed[0].append(f"plain-{t}")
            c.same(before, a.ends(topic, 3, COMMITTED), f"ends of read_committed while transaction {t} is open")
            want_read(c, a, topic, UNCOMMITTED, everything, f"while transaction {t} is open")
            producer.commit() if t % 2 == 0 else producer.abort()
            all_at(c, a, topic, 3, COMMITTED, {p: len(everything[p]) + t + 1 for p in range(3)}, f"after transaction {t}, a marker each")
            want_read(c, a, topic, COMMITTED, committed, f"after transaction {t}")
    finally:
        producer.close()
    c.same({0: 24, 1: 18, 2: 18}, a.ends(topic, 3, COMMITTED), "ends: records and a marker for each transaction")


def committed_is(c, a, group, topic, want):
    def problem():
        try:
            got = a.offsets(group, topic).get(0, (None,))[0]
        except Exception as e:  # noqa: BLE001 - while the node comes back
            return f"the offset of the group: {e!r}"
        return None if got == want else f"the group committed {got}, want {want}"

    c.eventually(problem)


def offsets(c, a):
    """Offsets that are part of a transaction are there when it commits, not before."""
    topic, group = new_topic(c, a, 1), unique("g")
    send_all(c, a, records_of(topic, [str(i) for i in range(10)]))
    consumer = a.consumer(group, [topic])
    producer = a.transactional(unique("x"))
    try:
        got = []
        while len(got) < 10 and not c.over():
            got += consumer.poll(0.2)
        producer.init()
        producer.begin()
        producer.offsets(consumer, {(topic, 0): 5})
        c.same({}, a.offsets(group, topic), "offsets while the transaction is open")
        producer.commit()
        committed_is(c, a, group, topic, 5)
        producer.begin()
        producer.offsets(consumer, {(topic, 0): 9})
        producer.abort()
        committed_is(c, a, group, topic, 5)
        producer.begin()
        put(producer, record(topic, 0, "with offsets"))
        producer.offsets(consumer, {(topic, 0): 7})
        producer.commit()
        committed_is(c, a, group, topic, 7)
    finally:
        consumer.close()
        producer.close()
    want_read(c, a, topic, COMMITTED, {0: [str(i) for i in range(10)] + ["with offsets"]}, "at the end")


def empty(c, a):
    topic = new_topic(c, a, 1)
    producer = a.transactional(unique("x"))
    try:
        producer.init()
        for i in range(10):
            producer.begin()
            producer.commit() if i % 2 == 0 else producer.abort()
        c.same({0: 0}, a.ends(topic, 1, UNCOMMITTED), "end after empty transactions")
        producer.begin()
        put(producer, record(topic, 0, "one"))
        producer.commit()
        all_at(c, a, topic, 1, COMMITTED, {0: 2}, "after a record and its marker")
    finally:
        producer.close()


def many_partitions(c, a):
    partitions = 60
    topic = new_topic(c, a, partitions)
    producer = a.transactional(unique("x"))
    try:
        producer.init()
        for value in ("aborted", "first", "aborted too", "second"):
            producer.begin()
            put(producer, *[record(topic, p, value) for p in range(partitions)])
            producer.abort() if value.startswith("aborted") else producer.commit()
    finally:
        producer.close()
    all_at(c, a, topic, partitions, COMMITTED, {p: 8 for p in range(partitions)}, "after four records with a marker each")
    want_read(c, a, topic, COMMITTED, {p: ["first", "second"] for p in range(partitions)}, "at the end")


def failed_send(c, a):
    """A record that the node refuses spoils the transaction; after its abort the producer goes on."""
    topic, name = new_topic(c, a, 1), unique("x")
    producer = begun(a, name, max_bytes=6_000_000)
    try:
        put(producer, record(topic, 0, "spoilt"))
        large = Record(topic, 0, None, None, None, os.urandom(2 << 20), [])
        want_error(a, MESSAGE_TOO_LARGE, "2 MB into a topic with the default limit", lambda: put(producer, large))
        producer.abort()
        if a.skips_sequences:
            producer.close()
            producer = a.transactional(name)
            producer.init()
        producer.begin()
        put(producer, record(topic, 0, "good"))
        producer.commit()
    finally:
        producer.close()
    want_read(c, a, topic, COMMITTED, {0: ["good"]}, "at the end")
    want_read(c, a, topic, UNCOMMITTED, {0: ["spoilt", "good"]}, "at the end")


def fencing(c, a):
    """A second producer with the same id aborts what the first had open, and the first can do nothing any more."""
    topic, name = new_topic(c, a, 1), unique("x")
    zombie, successor = begun(a, name), a.transactional(name)
    try:
        put(zombie, record(topic, 0, "zombie"))
        successor.init()
        successor.begin()
        put(successor, record(topic, 0, "successor"))
        if a.zombies_come_back:
            successor.commit()
        try:
            put(zombie, record(topic, 0, "late"))
            zombie.commit()
            raise Failed("the fenced producer committed")
        except Failed:
            raise
        except Exception as e:  # noqa: BLE001 - the adapter tells which error it is
            c.that(a.fenced(e), f"the fenced producer got {e!r}")
        if not a.zombies_come_back:
            successor.commit()
    finally:
        zombie.abandon()
        successor.close()
    want_read(c, a, topic, COMMITTED, {0: ["successor"]}, "at the end")
    want_read(c, a, topic, UNCOMMITTED, {0: ["zombie", "successor"]}, "at the end")


def timeout(c, a):
    """The node aborts a transaction that takes longer than the producer allowed."""
    topic, name = new_topic(c, a, 1), unique("x")
    slow, following = begun(a, name, timeout_ms=1_000), a.transactional(name)
    try:
        put(slow, record(topic, 0, "too slow"))
        c.same({0: 0}, a.ends(topic, 1, COMMITTED), "end of read_committed while the transaction is open")
        all_at(c, a, topic, 1, COMMITTED, {0: 2}, "after the time of the transaction")
        try:
            slow.commit()
            raise Failed("the commit of a transaction that timed out went well")
        except Failed:
            raise
        except Exception as e:  # noqa: BLE001
            c.that(a.fenced(e), f"the commit of a transaction that timed out got {e!r}")
        following.init()
        following.begin()
        put(following, record(topic, 0, "in time"))
        following.commit()
    finally:
        slow.abandon()
        following.close()
    want_read(c, a, topic, COMMITTED, {0: ["in time"]}, "at the end")


class Worker:
    """A member with a producer of its own: it reads from one topic and writes to another, every fifth transaction is aborted."""

    def __init__(self, a, group, transactional_id, topic, to):
        self.topic, self.to = topic, to
        self.transactions, self.error = 0, None
        self.stopping, self.crashing = threading.Event(), threading.Event()
        self.producer = a.transactional(transactional_id)
        self.consumer = a.consumer(group, [topic], isolation=COMMITTED, poll_ms=7_000)
        self.a = a
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        try:
            self.producer.init()
            while not self.stopping.is_set() and not self.crashing.is_set():
                records = self.consumer.poll(0.1, limit=7)
                if records:
                    self.transform(records)
        except Exception as e:  # noqa: BLE001
            self.error = e
        finally:
            if not self.crashing.is_set():
                self.producer.close()
                self.consumer.close()

    def transform(self, records):
        self.transactions += 1
        self.producer.begin()
        try:
            for r in records:
                self.producer.send(record(self.to, r.partition, r.value.decode() + "!"))
            self.producer.offsets(self.consumer, {(self.topic, r.partition): r.offset + 1 for r in records})
            if self.crashing.is_set():
                self.producer.flush()
                return
            if self.transactions % 5:
                self.producer.commit()
                return
        except Exception as e:  # noqa: BLE001 - the group is changing: what was read is read again
            if self.a.fenced(e):
                raise
        self.producer.abort()
        self.consumer.rewind()

    def stop(self):
        self.stopping.set()
        self.thread.join(30)

    def crash(self):
        """Ends without a word to the node; the group learns it when the time between polls is over."""
        self.crashing.set()
        self.thread.join(30)
        self.producer.abandon()

    def check(self):
        if self.error is not None:
            raise Failed(f"a worker ended: {self.error!r}")


def chain(c, a):
    """Consume, transform, produce: records and offsets move together, whatever becomes of the members."""
    partitions = 4
    topic, to, group, name = new_topic(c, a, partitions), new_topic(c, a, partitions), unique("g"), unique("x")
    workers, sent = {}, []

    def more():
        values = [str(len(sent) + i) for i in range(60)]
        send_all(c, a, records_of(topic, values, partitions))
        sent.extend(values)

    def transactions():
        return sum(w.transactions for w in workers.values())

    try:
        for step in ("+0", "+1", "-0", "crash 1", "+1"):
            n, before = step[-1], transactions()
            if step[0] == "+":
                if n in workers:
                    before -= workers[n].transactions
                workers[n] = Worker(a, group, f"{name}-{n}", topic, to)
            elif step[0] == "-":
                workers[n].stop()
            more()
            if step.startswith("crash"):
                workers[n].crash()
                continue
            for w in workers.values():
                w.check()
            c.eventually(lambda: None if transactions() > before + 3 else f"after {step} there are {transactions() - before} transactions")

        def problem():
            for w in workers.values():
                w.check()
            done = sum(o[0] for o in a.offsets(group, topic).values())
            return None if done == len(sent) else f"the group committed {done} of {len(sent)} records"

        c.eventually(problem)
    finally:
        for w in workers.values():
            w.stop()
    want = {p: [v + "!" for v in sent[p::partitions]] for p in range(partitions)}
    want_read(c, a, to, COMMITTED, want, "of the output")


def admin(c, a):
    """A transaction is listed and described, and aborted in its partition over the producer's head."""
    if not a.knows_transactions:
        raise Skipped("the admin client knows no transactions")
    topic, name = new_topic(c, a, 1), unique("x")
    producer = begun(a, name)
    try:
        put(producer, record(topic, 0, "a"), record(topic, 0, "b"))
        state, producer_id, epoch, timeout_ms, partitions = a.describe_transaction(name)
        c.same(("Ongoing", 120_000, {(topic, 0)}), (state, timeout_ms, partitions), "the transaction")
        c.same({name: (producer_id, "Ongoing")}, a.list_transactions(producer_id, "Ongoing"), "listed")
        c.same({}, a.list_transactions(producer_id, "CompleteCommit"), "listed in another state")
        c.same([(producer_id, epoch, 0)], a.describe_producers(topic, 0), "producers of the partition, with the start of the transaction")
        a.abort_transaction(topic, 0, producer_id, epoch)
        c.same([(producer_id, -1)], [(one[0], one[2]) for one in a.describe_producers(topic, 0)], "producers after the abort")
        all_at(c, a, topic, 1, COMMITTED, {0: 3}, "after the abort")
    finally:
        producer.abandon()
    want_read(c, a, topic, COMMITTED, {0: []}, "after the abort")


def restart(c, a, how):
    """A transaction that is open over the restart, with offsets, commits or aborts as a whole."""
    topic, group = new_topic(c, a, 2), unique("g")
    consumer = a.consumer(group, [topic])
    commits, aborts = begun(a, unique("x")), begun(a, unique("x"))
    try:
        c.eventually(lambda: None if consumer.poll(0.1) == [] and consumer.owned() else "the member has no partitions")
        for p in (0, 1):
            put(commits, record(topic, p, "committed before"))
            put(aborts, record(topic, p, "aborted before"))
        commits.offsets(consumer, {(topic, 0): 3})
        c.restart(how)
        all_at(c, a, topic, 2, COMMITTED, {0: 0, 1: 0}, "after the restart")
        for p in (0, 1):
            put(aborts, record(topic, p, "aborted after"))
            put(commits, record(topic, p, "committed after"))
        aborts.abort()
        commits.commit()
        committed_is(c, a, group, topic, 3)
    finally:
        consumer.close()
        commits.close()
        aborts.close()
    want_read(c, a, topic, COMMITTED, {p: ["committed before", "committed after"] for p in (0, 1)}, "at the end")
