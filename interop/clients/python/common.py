"""What the checks share, whatever the client."""

import time

from adapter import Record
from harness import Failed, unique

BASE_MS = int(time.time() * 1000) - 3_600_000


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
