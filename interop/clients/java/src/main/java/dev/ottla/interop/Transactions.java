package dev.ottla.interop;

import static dev.ottla.interop.Clients.bytes;
import static dev.ottla.interop.Clients.text;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;

/** Transactions of one producer: what readers of either isolation see, and what becomes of the producer. */
final class Transactions {
    static final String COMMITTED = "read_committed";
    static final String UNCOMMITTED = "read_uncommitted";

    private Transactions() {
    }

    static void all() {
        Duration minute = Duration.ofMinutes(1);
        Check.run("transactions/commit-and-abort", minute, Transactions::commitAndAbort);
        Check.run("transactions/offsets", minute, Transactions::offsets);
        Check.run("transactions/empty", minute, Transactions::empty);
        Check.run("transactions/many-partitions", minute, Transactions::manyPartitions);
        Check.run("transactions/failed-send", minute, Transactions::failedSend);
        Check.run("transactions/fencing", minute, Transactions::fencing);
        Check.run("transactions/timeout", minute, Transactions::timeout);
        TransactionGroups.all();
        atLeast4("dev.ottla.interop.TransactionAdmin");
        TransactionRestarts.all();
    }

    /** Runs the checks of a class that is only compiled with the newer clients. */
    private static void atLeast4(String name) {
        try {
            Class.forName(name).getDeclaredMethod("all").invoke(null);
        } catch (ClassNotFoundException e) {
            Check.skip("transactions/admin", "this version of the admin client knows no transactions");
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    static KafkaProducer<byte[], byte[]> transactional(String id, Object... pairs) {
        Map<String, Object> config = Clients.with("transactional.id", id, "transaction.timeout.ms", 120_000, "max.block.ms", 60_000, "delivery.timeout.ms", 90_000);
        config.putAll(Clients.with(pairs));
        return Clients.producer(config.entrySet().stream().flatMap(e -> java.util.stream.Stream.of(e.getKey(), e.getValue())).toArray());
    }

    static KafkaProducer<byte[], byte[]> begun(String id, Object... pairs) {
        KafkaProducer<byte[], byte[]> producer = transactional(id, pairs);
        producer.initTransactions();
        producer.beginTransaction();
        return producer;
    }

    static void send(KafkaProducer<byte[], byte[]> producer, String topic, int partition, String... values) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (String value : values) {
            sent.add(producer.send(new ProducerRecord<>(topic, partition, null, bytes(value))));
        }
        producer.flush();
        for (Future<RecordMetadata> one : sent) {
            one.get();
        }
    }

    static List<TopicPartition> partitionsOf(String topic, int partitions) {
        return IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList();
    }

    /** Where a reader of that isolation finds the end now. */
    static Map<Integer, Long> ends(String topic, int partitions, String isolation) {
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer("isolation.level", isolation)) {
            Map<Integer, Long> ends = new TreeMap<>();
            consumer.endOffsets(partitionsOf(topic, partitions)).forEach((p, end) -> ends.put(p.partition(), end));
            return ends;
        }
    }

    /** Reads to where the end is now; a partition without records has an empty list. */
    static Map<Integer, List<String>> read(Check check, String topic, int partitions, String isolation) {
        Map<Integer, List<String>> read = new TreeMap<>();
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer("isolation.level", isolation)) {
            List<TopicPartition> assigned = partitionsOf(topic, partitions);
            assigned.forEach(p -> read.put(p.partition(), new ArrayList<>()));
            consumer.assign(assigned);
            consumer.seekToBeginning(assigned);
            Map<TopicPartition, Long> ends = consumer.endOffsets(assigned);
            while (assigned.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                consumer.poll(Duration.ofMillis(200)).forEach(r -> read.get(r.partition()).add(text(r.value())));
                check.that(!check.over(), isolation + " reads " + read + " and does not reach the ends " + ends);
            }
        }
        return read;
    }

    /** Plain records go between those of transactions; they wait for the transaction that is open before them. */
    private static void commitAndAbort(Check check) throws Exception {
        String topic = Clients.newTopic(3);
        Map<Integer, List<String>> committed = new TreeMap<>(Map.of(0, new ArrayList<>(), 1, new ArrayList<>(), 2, new ArrayList<>()));
        Map<Integer, List<String>> all = new TreeMap<>(Map.of(0, new ArrayList<>(), 1, new ArrayList<>(), 2, new ArrayList<>()));
        try (KafkaProducer<byte[], byte[]> producer = transactional(Check.unique("x")); KafkaProducer<byte[], byte[]> plain = Clients.producer("acks", "all")) {
            producer.initTransactions();
            for (int t = 0; t < 8; t++) {
                Map<Integer, Long> before = ends(topic, 3, COMMITTED);
                producer.beginTransaction();
                for (int p = 0; p < 3; p++) {
                    String[] values = {t + "-" + p + "-a", t + "-" + p + "-b"};
                    send(producer, topic, p, values);
                    all.get(p).addAll(List.of(values));
                    if (t % 2 == 0) {
                        committed.get(p).addAll(List.of(values));
                    }
                }
                send(plain, topic, 0, "plain-" + t);
                all.get(0).add("plain-" + t);
                committed.get(0).add("plain-" + t);
                check.same(before, ends(topic, 3, COMMITTED), "ends of read_committed while transaction " + t + " is open");
                check.same(all, read(check, topic, 3, UNCOMMITTED), "read_uncommitted while transaction " + t + " is open");
                if (t % 2 == 0) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                }
                eventuallyRead(check, topic, 3, COMMITTED, committed, "after the end of transaction " + t);
            }
            check.same(all, read(check, topic, 3, UNCOMMITTED), "read_uncommitted at the end");
            check.same(ends(topic, 3, UNCOMMITTED), ends(topic, 3, COMMITTED), "ends of both isolations when nothing is open");
        }
    }

    /** The markers follow the answer to the end of a transaction. */
    static void eventuallyRead(Check check, String topic, int partitions, String isolation, Map<Integer, List<String>> want, String when) {
        check.eventually(() -> {
            Map<Integer, List<String>> got = read(check, topic, partitions, isolation);
            return got.equals(want) ? null : isolation + " " + when + ": want " + want + ", got " + got;
        });
    }

    static void eventuallyRead(Check check, String topic, String isolation, List<String> want) {
        eventuallyRead(check, topic, 1, isolation, Map.of(0, want), "at the end");
    }

    static Long committedOffset(String group, TopicPartition partition) {
        try (Admin admin = Clients.admin()) {
            OffsetAndMetadata offset = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition);
            return offset == null ? null : offset.offset();
        } catch (InterruptedException | ExecutionException e) {
            throw new Check.Failed("offsets of the group: " + e);
        }
    }

    private static void eventuallyCommitted(Check check, String group, TopicPartition partition, Long want) {
        check.eventually(() -> {
            Long got = committedOffset(group, partition);
            return want.equals(got) ? null : "the group committed " + got + ", want " + want;
        });
    }

    /** Offsets that are part of a transaction are there when it commits, not before; who asks for stable ones waits. */
    private static void offsets(Check check) throws Exception {
        String group = Check.unique("g");
        var partition = new TopicPartition(Clients.newTopic(1), 0);
        var metadata = new ConsumerGroupMetadata(group);
        try (KafkaProducer<byte[], byte[]> producer = begun(Check.unique("x"));
             KafkaConsumer<byte[], byte[]> reader = Clients.consumer("group.id", group, "isolation.level", COMMITTED)) {
            producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(5, "five")), metadata);
            check.same(null, committedOffset(group, partition), "offset while the transaction is open");
            check.throwsError(TimeoutException.class, "ask for the stable offset", () -> reader.committed(Set.of(partition), Duration.ofSeconds(1)));
            producer.commitTransaction();
            eventuallyCommitted(check, group, partition, 5L);
            check.same(new OffsetAndMetadata(5, "five"), reader.committed(Set.of(partition)).get(partition), "the stable offset");
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(9)), metadata);
            producer.abortTransaction();
            check.same(5L, reader.committed(Set.of(partition)).get(partition).offset(), "the stable offset after an abort");
            producer.beginTransaction();
            send(producer, partition.topic(), 0, "with offsets");
            producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(7)), metadata);
            producer.commitTransaction();
            eventuallyCommitted(check, group, partition, 7L);
            eventuallyRead(check, partition.topic(), COMMITTED, List.of("with offsets"));
        }
    }

    private static void empty(Check check) throws Exception {
        String topic = Clients.newTopic(1);
        try (KafkaProducer<byte[], byte[]> producer = transactional(Check.unique("x"))) {
            producer.initTransactions();
            for (int i = 0; i < 20; i++) {
                producer.beginTransaction();
                if (i % 2 == 0) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                }
            }
            check.same(Map.of(0, 0L), ends(topic, 1, UNCOMMITTED), "end after empty transactions");
            producer.beginTransaction();
            send(producer, topic, 0, "one");
            producer.commitTransaction();
            eventuallyRead(check, topic, COMMITTED, List.of("one"));
            check.same(Map.of(0, 2L), ends(topic, 1, UNCOMMITTED), "end after a record and its marker");
        }
    }

    private static void manyPartitions(Check check) throws Exception {
        int partitions = 100;
        String topic = Clients.newTopic(partitions);
        Map<Integer, List<String>> committed = new TreeMap<>();
        try (KafkaProducer<byte[], byte[]> producer = transactional(Check.unique("x"))) {
            producer.initTransactions();
            for (String value : List.of("aborted", "first", "aborted too", "second")) {
                producer.beginTransaction();
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (int p = 0; p < partitions; p++) {
                    sent.add(producer.send(new ProducerRecord<>(topic, p, null, bytes(value))));
                    if (!value.startsWith("aborted")) {
                        committed.computeIfAbsent(p, none -> new ArrayList<>()).add(value);
                    }
                }
                for (Future<RecordMetadata> one : sent) {
                    one.get();
                }
                if (value.startsWith("aborted")) {
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                }
            }
        }
        eventuallyRead(check, topic, partitions, COMMITTED, committed, "at the end");
        Map<Integer, Long> want = new HashMap<>();
        IntStream.range(0, partitions).forEach(p -> want.put(p, 8L));
        check.same(want, ends(topic, partitions, COMMITTED), "ends: four records with a marker each");
    }

    /** A record that the node refuses spoils the transaction: it cannot commit, and after its abort the producer goes on. */
    private static void failedSend(Check check) throws Exception {
        String topic = Clients.newTopic(1);
        try (KafkaProducer<byte[], byte[]> producer = begun(Check.unique("x"), "max.request.size", 6_000_000)) {
            send(producer, topic, 0, "spoilt");
            check.throwsError(RecordTooLargeException.class, "send 2 MB", () -> producer.send(new ProducerRecord<>(topic, 0, null, new byte[2 << 20])).get());
            check.throwsError(KafkaException.class, "commit after a record failed", producer::commitTransaction);
            producer.abortTransaction();
            producer.beginTransaction();
            send(producer, topic, 0, "good");
            producer.commitTransaction();
        }
        eventuallyRead(check, topic, COMMITTED, List.of("good"));
        check.same(Map.of(0, List.of("spoilt", "good")), read(check, topic, 1, UNCOMMITTED), "read_uncommitted");
    }

    /** A second producer with the same id aborts what the first had open, and the first can do nothing any more. */
    private static void fencing(Check check) throws Exception {
        String topic = Clients.newTopic(2);
        String id = Check.unique("x");
        KafkaProducer<byte[], byte[]> zombie = begun(id);
        try (KafkaProducer<byte[], byte[]> successor = transactional(id)) {
            send(zombie, topic, 0, "zombie");
            successor.initTransactions();
            successor.beginTransaction();
            send(successor, topic, 0, "successor");
            check.throwsError(KafkaException.class, "a send of the fenced producer to a partition it has", () -> send(zombie, topic, 0, "late"));
            check.throwsError(KafkaException.class, "a send of the fenced producer to a new partition", () -> send(zombie, topic, 1, "late"));
            fenced(check, zombie);
            successor.commitTransaction();
        } finally {
            zombie.close(Duration.ZERO);
        }
        eventuallyRead(check, topic, 2, COMMITTED, Map.of(0, List.of("successor"), 1, List.of()), "at the end");
        check.same(Map.of(0, List.of("zombie", "successor"), 1, List.of()), read(check, topic, 2, UNCOMMITTED), "read_uncommitted");
    }

    /** Neither commit nor abort, nor a new transaction, brings a fenced producer back. */
    static void fenced(Check check, KafkaProducer<byte[], byte[]> producer) {
        Throwable got = null;
        for (Check.Call call : List.<Check.Call>of(producer::commitTransaction, producer::abortTransaction, () -> {
            producer.beginTransaction();
            producer.commitTransaction();
        })) {
            try {
                call.run();
                check.fail("a fenced producer ended a transaction");
            } catch (Check.Failed e) {
                throw e;
            } catch (Exception e) {
                got = e;
            }
        }
        Throwable last = got;
        boolean told = false;
        for (Throwable cause = last; cause != null; cause = cause.getCause()) {
            told |= cause instanceof ProducerFencedException || cause instanceof InvalidProducerEpochException;
        }
        check.that(told, "want ProducerFencedException, got " + last);
    }

    /** The node aborts a transaction that takes longer than the producer allowed. */
    private static void timeout(Check check) throws Exception {
        String topic = Clients.newTopic(1);
        String id = Check.unique("x");
        KafkaProducer<byte[], byte[]> slow = begun(id, "transaction.timeout.ms", 1_000);
        try (KafkaProducer<byte[], byte[]> next = transactional(id)) {
            send(slow, topic, 0, "too slow");
            check.same(Map.of(0, 0L), ends(topic, 1, COMMITTED), "end of read_committed while the transaction is open");
            check.eventually(() -> ends(topic, 1, COMMITTED).get(0) == 2 ? null : "the transaction is not aborted: read_committed ends at " + ends(topic, 1, COMMITTED));
            Exception refused = null;
            try {
                slow.commitTransaction();
            } catch (ProducerFencedException | InvalidProducerEpochException | InvalidTxnStateException | InvalidPidMappingException e) {
                refused = e;
            }
            check.that(refused != null, "the commit of a transaction that timed out went well");
            next.initTransactions();
            next.beginTransaction();
            send(next, topic, 0, "in time");
            next.commitTransaction();
        } finally {
            slow.close(Duration.ZERO);
        }
        eventuallyRead(check, topic, COMMITTED, List.of("in time"));
    }
}
