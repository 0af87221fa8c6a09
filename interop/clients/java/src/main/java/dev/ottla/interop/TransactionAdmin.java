package dev.ottla.interop;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TransactionalIdNotFoundException;

/** What the admin client of 4.3 sees of transactions and does to them; 2.8 has none of these calls, and pom.xml leaves this file out. */
final class TransactionAdmin {
    private TransactionAdmin() {
    }

    static void all() {
        Duration minute = Duration.ofMinutes(1);
        Check.run("transactions/admin/version", minute, TransactionAdmin::version);
        Check.run("transactions/admin/list-and-describe", minute, TransactionAdmin::listAndDescribe);
        Check.run("transactions/admin/producers", minute, TransactionAdmin::producers);
        Check.run("transactions/admin/abort", minute, TransactionAdmin::abort);
        Check.run("transactions/admin/fence", minute, TransactionAdmin::fence);
    }

    /** The cluster is at the level that the run is about, so that nothing here is checked at another one by mistake. */
    private static void version(Check check) throws Exception {
        int want = Integer.parseInt(System.getenv().getOrDefault("TRANSACTION_VERSION", "2"));
        try (Admin admin = Clients.admin()) {
            var finalized = admin.describeFeatures().featureMetadata().get().finalizedFeatures().get("transaction.version");
            check.same(want, finalized == null ? 0 : (int) finalized.maxVersionLevel(), "level of transaction.version");
        }
    }

    private static TransactionListing listed(Admin admin, String id, ListTransactionsOptions options) {
        try {
            return admin.listTransactions(options).all().get().stream().filter(l -> l.transactionalId().equals(id)).findFirst().orElse(null);
        } catch (InterruptedException | ExecutionException e) {
            throw new Check.Failed("list transactions: " + e);
        }
    }

    private static TransactionDescription described(Admin admin, String id) throws ExecutionException {
        try {
            return admin.describeTransactions(List.of(id)).description(id).get();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void state(Check check, Admin admin, String id, TransactionState want) {
        check.eventually(() -> {
            try {
                TransactionState got = described(admin, id).state();
                return got == want ? null : "the transaction is " + got + ", want " + want;
            } catch (ExecutionException e) {
                throw new Check.Failed("describe the transaction: " + e);
            }
        });
    }

    private static void listAndDescribe(Check check) throws Exception {
        String topic = Clients.newTopic(2);
        String id = Check.unique("x");
        try (Admin admin = Clients.admin()) {
            check.throwsError(TransactionalIdNotFoundException.class, "describe an unknown id", () -> described(admin, id));
            try (KafkaProducer<byte[], byte[]> producer = Transactions.transactional(id, "transaction.timeout.ms", 54_321)) {
                producer.initTransactions();
                check.same(TransactionState.EMPTY, described(admin, id).state(), "state before the first transaction");
                check.that(described(admin, id).transactionStartTimeMs().isEmpty(), "an id without a transaction has a start");
                producer.beginTransaction();
                Transactions.send(producer, topic, 0, "a");
                Transactions.send(producer, topic, 1, "b");
                TransactionDescription open = described(admin, id);
                check.same(TransactionState.ONGOING, open.state(), "state");
                check.same(54_321L, open.transactionTimeoutMs(), "timeout");
                check.same(Set.copyOf(Transactions.partitionsOf(topic, 2)), open.topicPartitions(), "partitions");
                check.that(Math.abs(open.transactionStartTimeMs().orElse(0) - System.currentTimeMillis()) < 60_000, "start " + open.transactionStartTimeMs());
                TransactionListing listing = listed(admin, id, new ListTransactionsOptions());
                check.that(listing != null, "the transaction is not listed");
                check.same(TransactionState.ONGOING, listing.state(), "state in the list");
                check.same(open.producerId(), listing.producerId(), "producer id in the list");
                check.that(listed(admin, id, new ListTransactionsOptions().filterStates(Set.of(TransactionState.EMPTY))) == null, "listed in another state");
                check.that(listed(admin, id, new ListTransactionsOptions().filterStates(Set.of(TransactionState.ONGOING))) != null, "not listed in its state");
                check.that(listed(admin, id, new ListTransactionsOptions().filterProducerIds(Set.of(open.producerId()))) != null, "not listed by its producer id");
                check.that(listed(admin, id, new ListTransactionsOptions().filterProducerIds(Set.of(987_654_321L))) == null, "listed under another producer id");
                check.that(listed(admin, id, new ListTransactionsOptions().filterOnDuration(3_600_000)) == null, "listed as an hour old");
                check.that(listed(admin, id, new ListTransactionsOptions().filterOnTransactionalIdPattern(id + ".*")) != null, "not listed by a pattern");
                check.that(listed(admin, id, new ListTransactionsOptions().filterOnTransactionalIdPattern("other")) == null, "listed by another pattern");
                producer.commitTransaction();
                state(check, admin, id, TransactionState.COMPLETE_COMMIT);
                check.same(Set.of(), described(admin, id).topicPartitions(), "partitions after the commit");
                producer.beginTransaction();
                Transactions.send(producer, topic, 0, "c");
                producer.abortTransaction();
                state(check, admin, id, TransactionState.COMPLETE_ABORT);
            }
        }
    }

    private static ProducerState onlyProducer(Check check, Admin admin, TopicPartition partition) throws Exception {
        List<ProducerState> active = admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers();
        check.same(1, active.size(), "active producers");
        return active.get(0);
    }

    private static void producers(Check check) throws Exception {
        var partition = new TopicPartition(Clients.newTopic(1), 0);
        String id = Check.unique("x");
        try (Admin admin = Clients.admin(); KafkaProducer<byte[], byte[]> producer = Transactions.begun(id)) {
            Transactions.send(producer, partition.topic(), 0, "a", "b");
            ProducerState open = onlyProducer(check, admin, partition);
            check.same(described(admin, id).producerId(), open.producerId(), "producer id");
            check.same(described(admin, id).producerEpoch(), open.producerEpoch(), "producer epoch");
            check.same(1, open.lastSequence(), "last sequence");
            check.same(OptionalLong.of(0), open.currentTransactionStartOffset(), "start of the transaction");
            producer.commitTransaction();
            check.eventually(() -> {
                try {
                    ProducerState closed = onlyProducer(check, admin, partition);
                    return closed.currentTransactionStartOffset().isEmpty() && closed.coordinatorEpoch().isPresent() ? null : "after the commit the producer is " + closed;
                } catch (Exception e) {
                    throw new Check.Failed("describe producers: " + e);
                }
            });
        }
    }

    /** An aborted partition is free for readers at once, whatever the coordinator thinks. */
    private static void abort(Check check) throws Exception {
        var partition = new TopicPartition(Clients.newTopic(1), 0);
        try (Admin admin = Clients.admin()) {
            KafkaProducer<byte[], byte[]> producer = Transactions.begun(Check.unique("x"));
            Transactions.send(producer, partition.topic(), 0, "hangs");
            Clients.produce(partition.topic(), List.of("behind"));
            check.same(Map.of(0, 0L), Transactions.ends(partition.topic(), 1, Transactions.COMMITTED), "end of read_committed before the abort");
            ProducerState open = onlyProducerOf(admin, partition);
            admin.abortTransaction(new AbortTransactionSpec(partition, open.producerId(), (short) open.producerEpoch(), open.coordinatorEpoch().orElse(0))).all().get();
            Transactions.eventuallyRead(check, partition.topic(), Transactions.COMMITTED, List.of("behind"));
            check.that(onlyProducerOf(admin, partition).currentTransactionStartOffset().isEmpty(), "the transaction is still open in the partition");
            producer.close(Duration.ZERO);
        }
    }

    /** The producer of the transaction that is, or was, in the partition; the plain one has an id of its own. */
    private static ProducerState onlyProducerOf(Admin admin, TopicPartition partition) throws Exception {
        return admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers().stream()
            .min(java.util.Comparator.comparingLong(ProducerState::producerId)).orElseThrow();
    }

    private static void fence(Check check) throws Exception {
        String topic = Clients.newTopic(1);
        String id = Check.unique("x");
        KafkaProducer<byte[], byte[]> producer = Transactions.begun(id);
        try (Admin admin = Clients.admin()) {
            Transactions.send(producer, topic, 0, "fenced");
            long before = described(admin, id).producerId();
            var result = admin.fenceProducers(List.of(id));
            result.all().get();
            check.same(before, result.producerId(id).get(), "producer id after the fencing");
            Transactions.fenced(check, producer);
            Transactions.eventuallyRead(check, topic, Transactions.COMMITTED, List.of());
            check.same(Map.of(0, 2L), Transactions.ends(topic, 1, Transactions.COMMITTED), "end: the record and its marker");
        } finally {
            producer.close(Duration.ZERO);
        }
    }
}
