package dev.ottla.interop;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;

/** A group member that polls in its own thread and commits after every poll. */
final class Member implements AutoCloseable {
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Thread thread;
    private final Set<Integer> owned = ConcurrentHashMap.newKeySet();
    private volatile boolean stopping;
    private volatile KafkaException error;
    private volatile int generation;

    Member(String group, String topic, Map<String, Integer> seen, Object... pairs) {
        Map<String, Object> config = new HashMap<>(Clients.with("group.id", group, "session.timeout.ms", 10_000, "heartbeat.interval.ms", 500));
        config.putAll(Clients.with(pairs));
        consumer = Clients.consumer(config.entrySet().stream().flatMap(e -> java.util.stream.Stream.of(e.getKey(), e.getValue())).toArray());
        consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> added) {
                added.forEach(p -> owned.add(p.partition()));
            }

            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> lost) {
                lost.forEach(p -> owned.remove(p.partition()));
            }
        });
        thread = new Thread(() -> consume(seen));
        thread.setDaemon(true);
        thread.start();
    }

    private void consume(Map<String, Integer> seen) {
        try {
            while (!stopping) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
                records.forEach(record -> seen.merge(Clients.text(record.value()), 1, Integer::sum));
                if (!records.isEmpty()) {
                    commit();
                }
                generation = consumer.groupMetadata().generationId();
            }
        } catch (KafkaException e) {
            error = e;
        } finally {
            owned.clear();
            consumer.close();
        }
    }

    private void commit() {
        try {
            consumer.commitSync();
        } catch (RebalanceInProgressException | CommitFailedException e) {
            // The group is changing; what was read is read again by the next owner.
        }
    }

    Set<Integer> owned() {
        if (error != null) {
            throw new Check.Failed("a member ended: " + error);
        }
        return Set.copyOf(owned);
    }

    int generation() {
        return generation;
    }

    @Override
    public void close() {
        stopping = true;
        try {
            thread.join(20_000);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
