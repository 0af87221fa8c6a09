"""kafka-python."""

import re
import time

import kafka.errors as errors
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, OffsetSpec
from kafka.admin._transactions import AbortTransactionSpec
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.structs import OffsetAndMetadata

import checks
import harness
import transactions
from adapter import Cluster, Group, GroupMember, Record
from harness import BOOTSTRAP

ASSIGNORS = {c.name: c for c in (RangePartitionAssignor, RoundRobinPartitionAssignor, StickyPartitionAssignor, CooperativeStickyAssignor)}


def refuse(told):
    """Raises the error that an answer of the admin client tells as text or class."""
    if told in (None, "", "OK") or told is errors.NoError:
        return
    if isinstance(told, type):
        raise told()
    number = re.match(r"\[Error (\d+)\]", str(told))
    raise errors.for_code(int(number.group(1)))(told) if number else getattr(errors, str(told))()


# What kafka-python throws while it finds no node, depending on what it was about to do.
NODE_IS_DOWN = (errors.KafkaConnectionError, errors.NodeNotReadyError)


class PyProducer:
    def __init__(self, config):
        self.producer = KafkaProducer(**config)

    def send(self, r):
        future = self.producer.send(r.topic, value=r.value, key=r.key, headers=r.headers, partition=r.partition, timestamp_ms=r.timestamp)
        return lambda: future.get(60).offset

    def flush(self):
        self.producer.flush(90)

    def close(self):
        self.producer.close()


class PyTransactional(PyProducer):
    def init(self):
        self.producer.init_transactions()

    def begin(self):
        self.producer.begin_transaction()

    def commit(self):
        self.producer.commit_transaction()

    def abort(self):
        self.producer.abort_transaction()

    def offsets(self, consumer, offsets):
        wanted = {TopicPartition(t, p): OffsetAndMetadata(o, "", -1) for (t, p), o in offsets.items()}
        self.producer.send_offsets_to_transaction(wanted, consumer.consumer.group_metadata())

    def abandon(self):
        pass  # its thread goes on, as that of a process that hangs


class PyConsumer:
    def __init__(self, config):
        self.consumer = KafkaConsumer(**config)

    def rewind(self):
        """Goes back to what the group has committed."""
        for tp in self.consumer.assignment():
            self.consumer.seek(tp, self.consumer.committed(tp) or 0)

    def poll(self, seconds, limit=500):
        got = []
        try:
            polled = self.consumer.poll(timeout_ms=int(seconds * 1000), max_records=limit)
        except NODE_IS_DOWN:  # kafka-python leaves it to its user to go on
            time.sleep(0.1)
            return []
        for records in polled.values():
            got += [Record(m.topic, m.partition, m.offset, m.timestamp, m.key, m.value, list(m.headers)) for m in records]
        return got

    def commit(self, offsets=None):
        if offsets is not None:
            self.consumer.commit({TopicPartition(t, p): OffsetAndMetadata(o, note, -1) for (t, p), (o, note) in offsets.items()})
            return
        until = time.monotonic() + 30
        while True:
            try:
                self.consumer.commit(timeout_ms=30_000)
                return
            except (errors.CommitFailedError, errors.RebalanceInProgressError):
                return  # the group is changing; what was read is read again by the next owner
            except NODE_IS_DOWN:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def owned(self):
        return [tp.partition for tp in self.consumer.assignment()]

    def close(self):
        self.consumer.close()


class Adapter:
    assignors = tuple(ASSIGNORS)
    null_headers = False  # kafka-python refuses them before they are sent
    skips_sequences = True
    zombies_come_back = True
    knows_transactions = True
    deletes_offsets = True

    def __init__(self):
        self.admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)

    @staticmethod
    def code(e):
        return getattr(e, "errno", None)

    def create(self, topic, partitions, configs=None, replicas=1, validate_only=False):
        self.admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": replicas, "configs": configs or {}}}, validate_only=validate_only)

    def delete(self, topic):
        self.admin.delete_topics([topic])

    def topics(self):
        return set(self.admin.list_topics())

    def partitions(self, topic):
        described = self.admin.describe_topics([topic])[0]
        refuse(errors.for_code(described["error_code"]))
        return {p["partition_index"]: (p["leader_id"], p["isr_nodes"]) for p in described["partitions"]}

    def add_partitions(self, topic, count):
        self.admin.create_partitions({topic: count})

    def configs(self, kind, name):
        described = self.admin.describe_configs([ConfigResource(kind, name)], config_filter="all")[kind][name]
        sources = {"DYNAMIC_TOPIC_CONFIG": 1, "DYNAMIC_BROKER_CONFIG": 2, "DYNAMIC_DEFAULT_BROKER_CONFIG": 3, "STATIC_BROKER_CONFIG": 4, "DEFAULT_CONFIG": 5}
        return {key: (c["value"], sources[c["config_source"]]) for key, c in described.items()}

    def alter(self, topic, op, key, value):
        answers = self.admin.alter_configs([ConfigResource("topic", topic, {key: (op.upper(), value)})], raise_on_unknown=False, incremental=True)
        refuse(answers["topic"][topic])

    def groups(self):
        return {g["group_id"] for g in self.admin.list_groups()}

    def describe_group(self, group):
        d = self.admin.describe_groups([group])[group]
        if d["error"] and "GroupIdNotFound" not in d["error"]:
            refuse(d["error"])
        members = []
        for m in d["members"]:
            assigned = m["member_assignment"]["assigned_partitions"] if m["member_assignment"] else []
            members.append(GroupMember(m["client_id"], m["client_host"], {p for t in assigned for p in t["partitions"]}))
        return Group(d["group_state"], d["protocol_data"], members)

    def delete_group(self, group):
        refuse(self.admin.delete_groups([group])[group])

    def offsets(self, group, topic):
        got = self.admin.list_group_offsets(group)[group]
        return {tp.partition: (o.offset, o.metadata) for tp, o in got.items() if tp.topic == topic and o.offset >= 0}

    def alter_offsets(self, group, topic, offsets):
        answers = self.admin.alter_group_offsets(group, {TopicPartition(topic, p): OffsetAndMetadata(o, "", -1) for p, o in offsets.items()})
        for told in answers.values():
            refuse(told)

    def delete_offset(self, group, topic, partition):
        for told in self.admin.delete_group_offsets(group, [TopicPartition(topic, partition)]).values():
            refuse(told)

    def offset_for(self, topic, partition, spec):
        tp = TopicPartition(topic, partition)
        wanted = {"earliest": OffsetSpec.EARLIEST, "latest": OffsetSpec.LATEST}.get(spec, spec)
        offset = self.admin.list_partition_offsets({tp: wanted})[tp].offset
        return offset if offset >= 0 else None

    def delete_records(self, topic, partition, before):
        tp = TopicPartition(topic, partition)
        return self.admin.delete_records({tp: before})[tp]["low_watermark"]

    def cluster(self):
        d = self.admin.describe_cluster()
        return Cluster(d["controller_id"], [(b["broker_id"], b["host"], b["port"]) for b in d["brokers"]], d["cluster_id"])

    def partitions_in_log_dirs(self, topic):
        dirs = self.admin.describe_log_dirs([topic])[0]["log_dirs"]
        return sum(len(t["partitions"]) for d in dirs for t in d["topics"] if t["name"] == topic)

    def producer(self, codec="none", acks="all", idempotent=False, max_bytes=None, small_batches=False):
        config = {"bootstrap_servers": BOOTSTRAP, "compression_type": None if codec == "none" else codec, "acks": acks if acks == "all" else int(acks),
                  "enable_idempotence": idempotent, "linger_ms": 5, "delivery_timeout_ms": 60_000, "request_timeout_ms": 15_000}
        if not idempotent:
            config["max_in_flight_requests_per_connection"] = 1
        if max_bytes:
            config["max_request_size"] = max_bytes
        if small_batches:
            config |= {"batch_size": 512, "linger_ms": 0}
        return PyProducer(config)

    @staticmethod
    def consumer_config(reset="earliest", **extra):
        return {"bootstrap_servers": BOOTSTRAP, "enable_auto_commit": False, "auto_offset_reset": reset, "fetch_max_wait_ms": 200} | extra

    def reader(self, starts, fetch_bytes=None, isolation="read_uncommitted", reset="earliest"):
        extra = {"isolation_level": isolation}
        if fetch_bytes:
            extra |= {"max_partition_fetch_bytes": fetch_bytes, "fetch_max_bytes": fetch_bytes}
        c = PyConsumer(self.consumer_config(reset, **extra))
        c.consumer.assign([TopicPartition(t, p) for t, p in starts])
        for (t, p), at in starts.items():
            if at == "beginning":
                c.consumer.seek_to_beginning(TopicPartition(t, p))
            else:
                c.consumer.seek(TopicPartition(t, p), at)
        return c

    def transactional(self, name, timeout_ms=120_000, max_bytes=None):
        config = {"bootstrap_servers": BOOTSTRAP, "transactional_id": name, "transaction_timeout_ms": timeout_ms, "linger_ms": 5, "max_block_ms": 60_000}
        return PyTransactional(config | ({"max_request_size": max_bytes} if max_bytes else {}))

    def ends(self, topic, partitions, isolation):
        consumer = KafkaConsumer(bootstrap_servers=BOOTSTRAP, isolation_level=isolation)
        try:
            ends = consumer.end_offsets([TopicPartition(topic, p) for p in range(partitions)])
            return {tp.partition: end for tp, end in ends.items()}
        finally:
            consumer.close()

    def describe_transaction(self, name):
        d = self.admin.describe_transactions([name])[name]
        return d.state.value, d.producer_id, d.producer_epoch, d.transaction_timeout_ms, {(tp.topic, tp.partition) for tp in d.topic_partitions}

    def list_transactions(self, producer_id, state):
        listed = self.admin.list_transactions(producer_id_filters=[producer_id], state_filters=[state])
        return {t.transactional_id: (t.producer_id, t.state.value) for by_broker in listed.values() for t in by_broker}

    def describe_producers(self, topic, partition):
        tp = TopicPartition(topic, partition)
        active = self.admin.describe_producers([tp])[tp].active_producers
        return [(p.producer_id, p.producer_epoch, p.current_transaction_start_offset) for p in active]

    def abort_transaction(self, topic, partition, producer_id, epoch):
        self.admin.abort_transaction(AbortTransactionSpec(TopicPartition(topic, partition), producer_id, epoch, 0))

    @staticmethod
    def fenced(e):
        return isinstance(e, (errors.ProducerFencedError, errors.InvalidProducerEpochError))

    def consumer(self, group, topics, assignor=None, instance=None, client="kafka-python", isolation="read_uncommitted", poll_ms=60_000):
        extra = {"isolation_level": isolation, "group_id": group, "session_timeout_ms": 10_000, "heartbeat_interval_ms": 500, "client_id": client, "max_poll_interval_ms": poll_ms}
        if assignor:
            extra["partition_assignment_strategy"] = [ASSIGNORS[assignor]]
        if instance:
            extra |= {"group_instance_id": instance, "client_id": "client-" + instance}
        c = PyConsumer(self.consumer_config(**extra))
        c.consumer.subscribe(topics)
        return c


if __name__ == "__main__":
    adapter = Adapter()
    checks.run_all(adapter)
    transactions.run_all(adapter)
    harness.finish()
