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
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;

/** Consume, transform, produce: records and offsets move together, whatever becomes of the members. */
final class TransactionGroups {
    private static final int PARTITIONS = 4;

    private TransactionGroups() {
    }

    static void all() {
        Check.run("transactions/consume-transform-produce", Duration.ofMinutes(2), TransactionGroups::chain);
        Check.run("transactions/stale-member", Duration.ofMinutes(1), TransactionGroups::staleMember);
    }

    /** A member with a producer of its own. */
    private static final class Worker {
        private final KafkaConsumer<byte[], byte[]> consumer;
        private final KafkaProducer<byte[], byte[]> producer;
        private final Thread thread;
        private final String from;
        private final String to;
        final AtomicInteger transactions = new AtomicInteger();
        private volatile boolean stopping;
        private volatile boolean crashing;
        private volatile Exception error;

        Worker(String group, String id, String from, String to) {
            this.from = from;
            this.to = to;
            consumer = Clients.consumer("group.id", group, "session.timeout.ms", 6_000, "heartbeat.interval.ms", 300, "isolation.level", "read_committed",
                "max.poll.records", 7, "max.poll.interval.ms", 6_000);
            // A member that crashes may leave offsets pending, and while they are, nobody can go on with its partitions.
            producer = Transactions.transactional(id, "transaction.timeout.ms", 20_000);
            thread = new Thread(this::work);
            thread.setDaemon(true);
            thread.start();
        }

        private void work() {
            try {
                producer.initTransactions();
                consumer.subscribe(List.of(from));
                while (!stopping && !crashing) {
                    ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
                    if (!records.isEmpty()) {
                        transform(records);
                    }
                }
            } catch (Exception e) {
                error = e;
            } finally {
                if (!crashing) {
                    producer.close();
                    consumer.close();
                }
            }
        }

        /** Every fifth transaction is aborted on purpose; a crash leaves one open. */
        private void transform(ConsumerRecords<byte[], byte[]> records) {
            int number = transactions.incrementAndGet();
            producer.beginTransaction();
            try {
                Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    producer.send(new ProducerRecord<>(to, record.partition(), record.key(), bytes(text(record.value()) + "!")));
                    offsets.put(new TopicPartition(from, record.partition()), new OffsetAndMetadata(record.offset() + 1));
                }
                producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
                if (crashing) {
                    producer.flush();
                    return;
                }
                if (number % 5 == 0) {
                    producer.abortTransaction();
                    rewind();
                    return;
                }
                producer.commitTransaction();
            } catch (ProducerFencedException e) {
                throw e;
            } catch (CommitFailedException e) { // the group is changing; what was read is read again
                producer.abortTransaction();
                rewind();
            } catch (KafkaException e) {
                producer.abortTransaction();
                rewind();
            }
        }

        private void rewind() {
            Set<TopicPartition> owned = consumer.assignment();
            Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(owned);
            for (TopicPartition partition : owned) {
                OffsetAndMetadata offset = committed.get(partition);
                consumer.seek(partition, offset == null ? 0 : offset.offset());
            }
        }

        void stop() throws InterruptedException {
            stopping = true;
            thread.join(30_000);
        }

        /** Ends without a word to the node, if possible with a transaction open; the group learns it when the time between polls is over. */
        void crash() throws InterruptedException {
            crashing = true;
            thread.join(30_000);
            producer.close(Duration.ZERO);
        }

        void check() {
            if (error != null) {
                throw new Check.Failed("a worker ended: " + error);
            }
        }
    }

    private static void chain(Check check) throws Exception {
        String from = Clients.newTopic(PARTITIONS);
        String to = Clients.newTopic(PARTITIONS);
        String group = Check.unique("g");
        String id = Check.unique("x");
        List<String> sent = new ArrayList<>();
        List<Worker> workers = new ArrayList<>();
        Check.Call more = () -> {
            List<String> values = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                values.add("" + (sent.size() + i));
            }
            Clients.produce(from, values);
            sent.addAll(values);
        };
        try {
            for (String step : List.of("+0", "+1", "+2", "-1", "crash 2", "+2", "-0")) {
                int n = step.charAt(step.length() - 1) - '0';
                switch (step.charAt(0)) {
                    case '+' -> {
                        Worker worker = new Worker(group, id + "-" + n, from, to);
                        if (n < workers.size()) {
                            workers.set(n, worker);
                        } else {
                            workers.add(worker);
                        }
                    }
                    case '-' -> workers.get(n).stop();
                    default -> {
                        more.run();
                        workers.get(n).crash();
                    }
                }
                int before = workers.stream().mapToInt(w -> w.transactions.get()).sum();
                more.run();
                check.eventually(() -> {
                    workers.forEach(Worker::check);
                    int now = workers.stream().mapToInt(w -> w.transactions.get()).sum();
                    return now > before + 3 ? null : "after " + step + " there are " + (now - before) + " transactions";
                });
            }
            check.eventually(() -> {
                workers.forEach(Worker::check);
                long done = 0;
                for (TopicPartition partition : Transactions.partitionsOf(from, PARTITIONS)) {
                    Long offset = Transactions.committedOffset(group, partition);
                    done += offset == null ? 0 : offset;
                }
                return done == sent.size() ? null : "the group committed " + done + " of " + sent.size() + " records";
            });
        } finally {
            for (Worker worker : workers) {
                worker.stop();
            }
        }
        Map<Integer, List<String>> want = new TreeMap<>();
        for (int i = 0; i < sent.size(); i++) {
            want.computeIfAbsent(i % PARTITIONS, none -> new ArrayList<>()).add(sent.get(i) + "!");
        }
        Transactions.eventuallyRead(check, to, PARTITIONS, Transactions.COMMITTED, want, "of the output");
    }

    /** A member of an earlier generation may commit no offsets in a transaction. */
    private static void staleMember(Check check) throws Exception {
        String topic = Clients.newTopic(1);
        String group = Check.unique("g");
        Object[] config = {"group.id", group, "session.timeout.ms", 6_000, "heartbeat.interval.ms", 300};
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer(config); KafkaProducer<byte[], byte[]> producer = Transactions.transactional(Check.unique("x"))) {
            producer.initTransactions();
            consumer.subscribe(List.of(topic));
            check.eventually(() -> {
                consumer.poll(Duration.ofMillis(100));
                return consumer.assignment().isEmpty() ? "no assignment" : null;
            });
            var stale = consumer.groupMetadata();
            consumer.unsubscribe(); // leaves the group
            var offsets = Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(3));
            producer.beginTransaction();
            check.throwsError(CommitFailedException.class, "offsets of a member that left", () -> producer.sendOffsetsToTransaction(offsets, stale));
            producer.abortTransaction();
            check.same(null, Transactions.committedOffset(group, new TopicPartition(topic, 0)), "offset of the group");
        }
    }
}
