package dev.ottla.interop;

import static dev.ottla.interop.Clients.BASE_TIME_MS;
import static dev.ottla.interop.Clients.bytes;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** Checks of positions in a partition. */
final class Offsets {
    private Offsets() {
    }

    static void all() {
        Check.run("offsets/time", Duration.ofMinutes(1), Offsets::time);
        Check.run("offsets/out-of-range", Duration.ofMinutes(1), Offsets::outOfRange);
    }

    private static void time(Check check) throws Exception {
        TopicPartition partition = new TopicPartition(Clients.newTopic(1), 0);
        try (KafkaProducer<byte[], byte[]> producer = Clients.producer("linger.ms", 0)) {
            for (int i = 0; i < 50; i++) {
                producer.send(new ProducerRecord<>(partition.topic(), 0, BASE_TIME_MS + i * 1000L, null, bytes("" + i))).get();
            }
        }
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer()) {
            long[][] wants = {{-3_600_000, 0, 0}, {20_000, 20, 20_000}, {20_001, 21, 21_000}, {49_000, 49, 49_000}};
            for (long[] want : wants) {
                OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, BASE_TIME_MS + want[0])).get(partition);
                check.that(found != null && found.offset() == want[1] && found.timestamp() == BASE_TIME_MS + want[2],
                    "offset for base+" + want[0] + ": want " + want[1] + " at base+" + want[2] + ", got " + found);
            }
            check.same(null, consumer.offsetsForTimes(Map.of(partition, BASE_TIME_MS + 49_001)).get(partition), "offset after all records");
            check.same(0L, consumer.beginningOffsets(List.of(partition)).get(partition), "beginning");
            check.same(50L, consumer.endOffsets(List.of(partition)).get(partition), "end");
            consumer.assign(List.of(partition));
            consumer.seek(partition, 30);
            ConsumerRecords<byte[], byte[]> got = ConsumerRecords.empty();
            while (got.isEmpty() && !check.over()) {
                got = consumer.poll(Duration.ofMillis(200));
            }
            check.same(30L, got.iterator().next().offset(), "first record after the seek");
            consumer.seekToEnd(List.of(partition));
            check.same(50L, consumer.position(partition), "position after seekToEnd");
        }
    }

    private static void outOfRange(Check check) throws Exception {
        TopicPartition partition = new TopicPartition(Clients.newTopic(1), 0);
        Clients.produce(partition.topic(), List.of("a", "b"));
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer("auto.offset.reset", "earliest")) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 1000);
            ConsumerRecords<byte[], byte[]> got = ConsumerRecords.empty();
            while (got.isEmpty() && !check.over()) {
                got = consumer.poll(Duration.ofMillis(200));
            }
            check.same(0L, got.iterator().next().offset(), "first record after falling back to earliest");
        }
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer("auto.offset.reset", "none", "group.id", Check.unique("g"))) {
            consumer.assign(List.of(partition));
            check.throwsError(NoOffsetForPartitionException.class, "no reset, nothing committed", () -> pollUntilOver(check, consumer));
            consumer.seek(partition, 1000);
            check.throwsError(OffsetOutOfRangeException.class, "no reset, beyond the end", () -> pollUntilOver(check, consumer));
        }
    }

    private static void pollUntilOver(Check check, KafkaConsumer<byte[], byte[]> consumer) {
        while (!check.over()) {
            consumer.poll(Duration.ofMillis(200));
        }
    }
}
