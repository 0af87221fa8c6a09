"""librdkafka, through confluent-kafka."""

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType,
)

import checks
import harness
import transactions
from adapter import Cluster, Group, GroupMember, Record
from harness import BOOTSTRAP


class RdProducer:
    def __init__(self, config):
        self.producer = Producer(config)

    def send(self, r):
        done = []
        extra = {} if r.partition is None else {"partition": r.partition}
        if r.timestamp is not None:
            extra["timestamp"] = r.timestamp
        while True:
            try:
                self.producer.produce(r.topic, value=r.value, key=r.key, headers=r.headers, on_delivery=lambda *answer: done.append(answer), **extra)
                break
            except BufferError:
                self.producer.poll(0.1)
        self.producer.poll(0)

        def answer():
            if not done:
                raise TimeoutError("a record was neither acknowledged nor refused")
            error, message = done[0]
            if error is not None:
                raise KafkaException(error)
            return message.offset()

        return answer

    def flush(self):
        self.producer.flush(90)

    def close(self):
        self.producer.flush(10)


class RdTransactional(RdProducer):
    """A call that a timeout ended is made again, as librdkafka demands."""

    patience = 60
    abandoned = []  # kept, or their destructors would end what they have open

    def again(self, call, *args):
        while True:
            try:
                return call(*args, self.patience)
            except KafkaException as e:
                if not e.args[0].retriable():
                    raise

    def init(self):
        self.again(self.producer.init_transactions)

    def begin(self):
        self.producer.begin_transaction()

    def commit(self):
        self.again(self.producer.commit_transaction)

    def abort(self):
        self.again(self.producer.abort_transaction)

    def offsets(self, consumer, offsets):
        wanted = [TopicPartition(t, p, o) for (t, p), o in offsets.items()]
        self.again(self.producer.send_offsets_to_transaction, wanted, consumer.consumer.consumer_group_metadata())

    def abandon(self):
        self.abandoned.append(self.producer)


class RdConsumer:
    abandoned = []

    def __init__(self, config):
        self.consumer = Consumer(config)
        self.abandoned.append(self)

    def rewind(self):
        """Goes back to what the group has committed."""
        for tp in self.consumer.committed(self.consumer.assignment(), 30):
            self.consumer.seek(TopicPartition(tp.topic, tp.partition, max(tp.offset, 0)))

    def poll(self, seconds, limit=500):
        got = []
        for m in self.consumer.consume(limit, seconds):
            if m.error() is not None:
                if m.error().retriable() or m.error().code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError.UNKNOWN_TOPIC_OR_PART):
                    continue
                raise KafkaException(m.error())
            got.append(Record(m.topic(), m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value(), m.headers() or []))
        return got

    def commit(self, offsets=None):
        try:
            if offsets is None:
                self.consumer.commit(asynchronous=False)
            else:
                done = self.consumer.commit(offsets=[TopicPartition(t, p, o, note) for (t, p), (o, note) in offsets.items()], asynchronous=False)
                for one in done:
                    if one.error is not None:
                        raise KafkaException(one.error)
        except KafkaException as e:
            changing = (KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError._NO_OFFSET)
            down = (KafkaError._TRANSPORT, KafkaError._WAIT_COORD, KafkaError._TIMED_OUT, KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
            if offsets is not None or e.args[0].code() not in changing + down:
                raise

    def owned(self):
        return [tp.partition for tp in self.consumer.assignment()]

    def close(self):
        self.consumer.close()


class Adapter:
    assignors = ("range", "roundrobin", "cooperative-sticky")
    null_headers = True
    skips_sequences = True
    zombies_come_back = False
    knows_transactions = False
    deletes_offsets = False  # confluent-kafka has no call for it

    def __init__(self):
        self.admin = self.new_admin()

    @staticmethod
    def new_admin():
        return AdminClient({"bootstrap.servers": BOOTSTRAP})

    @staticmethod
    def code(e):
        return e.args[0].code() if isinstance(e, KafkaException) else None

    @staticmethod
    def one(futures):
        return next(iter(futures.values())).result(30)

    def create(self, topic, partitions, configs=None, replicas=1, validate_only=False):
        self.one(self.admin.create_topics([NewTopic(topic, partitions, replicas, config=configs or {})], validate_only=validate_only))

    def delete(self, topic):
        self.one(self.admin.delete_topics([topic]))

    def topics(self):
        return set(self.admin.list_topics(timeout=20).topics)

    def partitions(self, topic):
        described = self.one(self.admin.describe_topics(TopicCollection([topic])))
        return {p.id: (p.leader.id, [n.id for n in p.isr]) for p in described.partitions}

    def add_partitions(self, topic, count):
        self.one(self.admin.create_partitions([NewPartitions(topic, count)]))

    @staticmethod
    def resource(kind, name, **config):
        return ConfigResource(ResourceType.TOPIC if kind == "topic" else ResourceType.BROKER, name, **config)

    def configs(self, kind, name):
        entries = self.one(self.admin.describe_configs([self.resource(kind, name)]))
        return {key: (e.value, e.source) for key, e in entries.items()}

    def alter(self, topic, op, key, value):
        kind = {"set": AlterConfigOpType.SET, "append": AlterConfigOpType.APPEND, "subtract": AlterConfigOpType.SUBTRACT, "delete": AlterConfigOpType.DELETE}[op]
        entry = ConfigEntry(key, value, incremental_operation=kind)
        self.one(self.admin.incremental_alter_configs([self.resource("topic", topic, incremental_configs=[entry])]))

    def groups(self):
        return {g.group_id for g in self.admin.list_consumer_groups().result(20).valid}

    def describe_group(self, group):
        d = self.one(self.admin.describe_consumer_groups([group]))
        members = [GroupMember(m.client_id, m.host, {tp.partition for tp in m.assignment.topic_partitions}) for m in d.members]
        return Group(d.state.name, d.partition_assignor, members)

    def delete_group(self, group):
        self.one(self.admin.delete_consumer_groups([group]))

    def offsets(self, group, topic):
        got = self.one(self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]))
        return {tp.partition: (tp.offset, tp.metadata) for tp in got.topic_partitions if tp.topic == topic and tp.offset >= 0}

    def alter_offsets(self, group, topic, offsets):
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, p, o) for p, o in offsets.items()])
        for tp in self.one(self.admin.alter_consumer_group_offsets([wanted])).topic_partitions:
            if tp.error is not None:
                raise KafkaException(tp.error)

    def offset_for(self, topic, partition, spec):
        by_name = {"earliest": OffsetSpec.earliest, "latest": OffsetSpec.latest}
        wanted = by_name[spec]() if isinstance(spec, str) else OffsetSpec.for_timestamp(spec)
        try:
            offset = self.one(self.admin.list_offsets({TopicPartition(topic, partition): wanted})).offset
        except KafkaException as e:
            if self.code(e) == KafkaError._NOENT:  # librdkafka remembers for long that a topic was not there
                self.admin = self.new_admin()
            raise
        return offset if offset >= 0 else None

    def delete_records(self, topic, partition, before):
        return self.one(self.admin.delete_records([TopicPartition(topic, partition, before)])).low_watermark

    def cluster(self):
        d = self.admin.describe_cluster().result(20)
        return Cluster(d.controller.id, [(n.id, n.host, n.port) for n in d.nodes], d.cluster_id)

    def partitions_in_log_dirs(self, topic):
        return None  # confluent-kafka does not describe log dirs

    def producer(self, codec="none", acks="all", idempotent=False, max_bytes=None, small_batches=False):
        config = {"bootstrap.servers": BOOTSTRAP, "compression.type": codec, "acks": acks, "enable.idempotence": idempotent, "linger.ms": 5, "message.timeout.ms": 60_000}
        if not idempotent:
            config["max.in.flight"] = 1
        if max_bytes:
            config["message.max.bytes"] = max_bytes
        if small_batches:
            config |= {"batch.num.messages": 20, "linger.ms": 0}
        return RdProducer(config)

    @staticmethod
    def consumer_config(group, reset="earliest", **extra):
        return {"bootstrap.servers": BOOTSTRAP, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": reset, "fetch.wait.max.ms": 200} | extra

    def reader(self, starts, fetch_bytes=None, isolation="read_uncommitted", reset="earliest"):
        extra = {"isolation.level": isolation}
        if fetch_bytes:
            extra |= {"max.partition.fetch.bytes": fetch_bytes, "fetch.max.bytes": fetch_bytes, "message.max.bytes": fetch_bytes}
        c = RdConsumer(self.consumer_config("reader", reset, **extra))
        c.consumer.assign([TopicPartition(t, p, 0 if at == "beginning" else at) for (t, p), at in starts.items()])
        return c

    def transactional(self, name, timeout_ms=120_000, max_bytes=None):
        config = {"bootstrap.servers": BOOTSTRAP, "transactional.id": name, "transaction.timeout.ms": timeout_ms, "linger.ms": 5}
        if timeout_ms < 120_000:
            config["message.timeout.ms"] = timeout_ms
        if max_bytes:
            config["message.max.bytes"] = max_bytes
        return RdTransactional(config)

    def ends(self, topic, partitions, isolation):
        level = IsolationLevel.READ_COMMITTED if isolation == "read_committed" else IsolationLevel.READ_UNCOMMITTED
        answers = self.admin.list_offsets({TopicPartition(topic, p): OffsetSpec.latest() for p in range(partitions)}, isolation_level=level)
        try:
            return {tp.partition: answer.result(30).offset for tp, answer in answers.items()}
        except KafkaException:
            self.admin = self.new_admin()  # librdkafka remembers the epochs of leaders for long
            raise

    @staticmethod
    def fenced(e):
        gone = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
        return isinstance(e, KafkaException) and (e.args[0].code() in gone or e.args[0].fatal())

    def consumer(self, group, topics, assignor=None, instance=None, client="confluent", isolation="read_uncommitted", poll_ms=None):
        extra = {"isolation.level": isolation, "session.timeout.ms": 10_000, "heartbeat.interval.ms": 500, "client.id": client, "topic.metadata.refresh.interval.ms": 1000}
        if poll_ms:
            extra |= {"max.poll.interval.ms": poll_ms, "session.timeout.ms": 6_000}
        if assignor:
            extra["partition.assignment.strategy"] = assignor
        if instance:
            extra |= {"group.instance.id": instance, "client.id": "client-" + instance}
        c = RdConsumer(self.consumer_config(group, **extra))
        c.consumer.subscribe(topics)
        return c


if __name__ == "__main__":
    adapter = Adapter()
    checks.run_all(adapter)
    transactions.run_all(adapter)
    harness.finish()
