package dev.ottla.interop;

import static dev.ottla.interop.Clients.bytes;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;

/** The node goes down in the middle of transactions and between them; producers go on by themselves. */
final class TransactionRestarts {
    /**
     * A single node of Apache Kafka 4.3.1 forgets markers that were due when it went down: while it comes back its partitions have no
     * leader, its coordinator takes them for deleted, and the records go with the producer's next marker, whichever it is. There the
     * checks wait for the markers, or leave out what would show it.
     */
    private static final boolean FORGETS_MARKERS = "apache".equals(System.getenv("TARGET"));

    private static final int STREAM_PARTITIONS = 24;

    private TransactionRestarts() {
    }

    static void all() {
        Duration limit = Duration.ofMinutes(2);
        for (String how : List.of("stop", "kill")) {
            Check.run("transactions/restart/open/" + how, limit, check -> open(check, how));
        }
        Check.run("transactions/restart/ended/kill", limit, TransactionRestarts::ended);
        Check.run("transactions/restart/at-any-time/kill", Duration.ofMinutes(3), TransactionRestarts::anyTime);
    }

    /** A transaction that is open over the restart, with offsets, commits or aborts as a whole. */
    private static void open(Check check, String how) throws Exception {
        String topic = Clients.newTopic(2);
        String group = Check.unique("g");
        var consumed = new TopicPartition(topic, 0);
        try (KafkaProducer<byte[], byte[]> commits = Transactions.begun(Check.unique("x")); KafkaProducer<byte[], byte[]> aborts = Transactions.begun(Check.unique("x"))) {
            for (int p = 0; p < 2; p++) {
                Transactions.send(commits, topic, p, "committed before");
                Transactions.send(aborts, topic, p, "aborted before");
            }
            commits.sendOffsetsToTransaction(Map.of(consumed, new OffsetAndMetadata(3)), new ConsumerGroupMetadata(group));
            check.restart(how);
            check.same(Map.of(0, 0L, 1, 0L), Transactions.ends(topic, 2, Transactions.COMMITTED), "ends of read_committed after the restart");
            check.same(null, Transactions.committedOffset(group, consumed), "offset of the open transaction after the restart");
            for (int p = 0; p < 2; p++) {
                Transactions.send(aborts, topic, p, "aborted after");
                Transactions.send(commits, topic, p, "committed after");
            }
            aborts.abortTransaction();
            commits.commitTransaction();
            List<String> want = List.of("committed before", "committed after");
            Transactions.eventuallyRead(check, topic, 2, Transactions.COMMITTED, Map.of(0, want, 1, want), "after the restart");
            check.eventually(() -> {
                Long offset = Transactions.committedOffset(group, consumed);
                return Long.valueOf(3).equals(offset) ? null : "the group committed " + offset;
            });
        }
    }

    /** The node goes down right after the answer to the end of a transaction, before its markers are anywhere known. */
    private static void ended(Check check) throws Exception {
        String topic = Clients.newTopic(20);
        Map<Integer, List<String>> want = new TreeMap<>();
        try (KafkaProducer<byte[], byte[]> producer = Transactions.transactional(Check.unique("x"))) {
            producer.initTransactions();
            for (String value : List.of("one", "aborted", "two")) {
                producer.beginTransaction();
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (int p = 0; p < 20; p++) {
                    sent.add(producer.send(new ProducerRecord<>(topic, p, null, bytes(value))));
                    if (!value.equals("aborted")) {
                        want.computeIfAbsent(p, none -> new ArrayList<>()).add(value);
                    }
                }
                for (Future<RecordMetadata> one : sent) {
                    one.get();
                }
                if (value.equals("aborted")) {
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                }
                if (FORGETS_MARKERS) {
                    Transactions.eventuallyRead(check, topic, 20, Transactions.COMMITTED, want, "before the restart");
                }
                if (!value.equals("two")) {
                    check.restart("kill");
                }
            }
        }
        Transactions.eventuallyRead(check, topic, 20, Transactions.COMMITTED, want, "after two restarts");
    }

    /** One transaction after the other while the node is killed: those that were told committed are whole, the others invisible. */
    private static void anyTime(Check check) throws Exception {
        List<Stream> streams = new ArrayList<>();
        for (int i = 0; i < 4; i++) { // several, with many markers each, so that some end is under way at a kill
            streams.add(new Stream(Clients.newTopic(STREAM_PARTITIONS)));
        }
        for (int restart = 0; restart < (FORGETS_MARKERS ? 2 : 6); restart++) {
            progress(check, streams);
            check.restart("kill");
        }
        progress(check, streams);
        for (Stream stream : streams) {
            stream.stopping = true;
            stream.thread.join(30_000);
            check.same(null, stream.failed, "end of a sender");
        }
        for (Stream stream : streams) {
            Map<Integer, List<String>> want = new TreeMap<>();
            for (int p = 0; p < STREAM_PARTITIONS; p++) {
                want.put(p, stream.committed);
            }
            Transactions.eventuallyRead(check, stream.topic, STREAM_PARTITIONS, Transactions.COMMITTED, want, "after the restarts");
        }
    }

    private static void progress(Check check, List<Stream> streams) {
        for (Stream stream : streams) {
            int before = stream.ended;
            check.eventually(() -> stream.failed != null || stream.ended > before + 15 ? null : "a producer ended " + (stream.ended - before) + " transactions");
        }
    }

    /** A producer that ends one transaction after the other, over all partitions of its topic each. */
    private static final class Stream {
        final String topic;
        final List<String> committed = new ArrayList<>();
        final Thread thread = new Thread(this::run);
        volatile int ended;
        volatile Exception failed;
        volatile boolean stopping;

        Stream(String topic) {
            this.topic = topic;
            thread.setDaemon(true);
            thread.start();
        }

        private void run() {
            try (KafkaProducer<byte[], byte[]> producer = Transactions.transactional(Check.unique("x"))) {
                producer.initTransactions();
                for (int i = 0; !stopping; i++) {
                    producer.beginTransaction();
                    for (int p = 0; p < STREAM_PARTITIONS; p++) {
                        producer.send(new ProducerRecord<>(topic, p, null, bytes("" + i)));
                    }
                    boolean commit = FORGETS_MARKERS || i % 3 != 1;
                    producer.flush(); // else the producer may end the transaction before it has sent anything: it asks whether something waits before it looks for what comes next
                    end(producer, commit);
                    if (commit) {
                        committed.add("" + i);
                    }
                    ended = i + 1;
                }
            } catch (Exception e) {
                failed = e;
            }
        }
    }

    /** An end that timed out is asked for again, as the producer demands. */
    private static void end(KafkaProducer<byte[], byte[]> producer, boolean commit) {
        while (true) {
            try {
                if (commit) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                }
                return;
            } catch (TimeoutException e) {
                Check.pause(10);
            }
        }
    }
}
