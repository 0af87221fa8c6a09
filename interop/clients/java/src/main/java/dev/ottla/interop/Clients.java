package dev.ottla.interop;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Makes clients and compares records. */
final class Clients {
    static final String BOOTSTRAP = System.getenv("BOOTSTRAP");
    static final long BASE_TIME_MS = System.currentTimeMillis() - 3_600_000;

    private Clients() {
    }

    static Map<String, Object> with(Object... pairs) {
        Map<String, Object> config = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            config.put((String) pairs[i], pairs[i + 1]);
        }
        return config;
    }

    static Admin admin() {
        return Admin.create(with("bootstrap.servers", BOOTSTRAP, "request.timeout.ms", 15_000, "default.api.timeout.ms", 30_000));
    }

    static KafkaProducer<byte[], byte[]> producer(Object... pairs) {
        Map<String, Object> config = with("bootstrap.servers", BOOTSTRAP, "max.block.ms", 20_000, "delivery.timeout.ms", 60_000,
            "request.timeout.ms", 15_000, "linger.ms", 5);
        config.putAll(with(pairs));
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(Object... pairs) {
        Map<String, Object> config = with("bootstrap.servers", BOOTSTRAP, "enable.auto.commit", false, "auto.offset.reset", "earliest",
            "default.api.timeout.ms", 30_000, "request.timeout.ms", 20_000, "fetch.max.wait.ms", 200);
        config.putAll(with(pairs));
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Creates a topic and waits until its partitions have a leader that serves. */
    static String newTopic(int partitions, String... configs) throws Exception {
        String name = Check.unique("t");
        Map<String, String> set = new HashMap<>();
        for (int i = 0; i < configs.length; i += 2) {
            set.put(configs[i], configs[i + 1]);
        }
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(set))).all().get();
            Map<TopicPartition, OffsetSpec> every = new HashMap<>();
            IntStream.range(0, partitions).forEach(p -> every.put(new TopicPartition(name, p), OffsetSpec.latest()));
            awaitServed(admin, every);
        }
        return name;
    }

    /** The metadata of a new topic may be a moment late. */
    private static void awaitServed(Admin admin, Map<TopicPartition, OffsetSpec> every) throws Exception {
        for (int attempt = 0; ; attempt++) {
            try {
                admin.listOffsets(every).all().get();
                return;
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof UnknownTopicOrPartitionException) || attempt == 100) {
                    throw e;
                }
                Check.pause(50);
            }
        }
    }

    static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, java.nio.charset.StandardCharsets.UTF_8);
    }

    static void produce(String topic, List<String> values) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer("acks", "all")) {
            produce(producer, topic, values);
        }
    }

    static void produce(KafkaProducer<byte[], byte[]> producer, String topic, List<String> values) throws Exception {
        int partitions = producer.partitionsFor(topic).size();
        List<java.util.concurrent.Future<?>> sent = new ArrayList<>();
        for (int i = 0; i < values.size(); i++) {
            sent.add(producer.send(new ProducerRecord<>(topic, i % partitions, null, bytes(values.get(i)))));
        }
        for (java.util.concurrent.Future<?> one : sent) {
            one.get();
        }
    }

    /** Reads count records of a topic from the beginning of its partitions. */
    static List<ConsumerRecord<byte[], byte[]>> readAll(Check check, String topic, int partitions, int count, Object... config) {
        List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(config)) {
            List<TopicPartition> assigned = IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList();
            consumer.assign(assigned);
            consumer.seekToBeginning(assigned);
            while (all.size() < count) {
                consumer.poll(Duration.ofMillis(500)).forEach(all::add);
                if (check.over()) {
                    check.fail("read " + all.size() + " of " + count + " records of " + topic);
                }
            }
        }
        check.same(count, all.size(), "records of " + topic);
        return all;
    }

    static void sameRecords(Check check, List<ProducerRecord<byte[], byte[]>> sent, List<ConsumerRecord<byte[], byte[]>> got) {
        check.same(sent.size(), got.size(), "number of records");
        for (int i = 0; i < sent.size(); i++) {
            ProducerRecord<byte[], byte[]> want = sent.get(i);
            ConsumerRecord<byte[], byte[]> one = got.get(i);
            check.same((long) i, one.offset(), "offset of record " + i);
            check.that(Arrays.equals(want.key(), one.key()), "key of record " + i + ": sent " + text(want.key()) + ", read " + text(one.key()));
            check.that(Arrays.equals(want.value(), one.value()), "value of record " + i + " differs");
            check.same(want.timestamp(), one.timestamp(), "timestamp of record " + i);
            Header[] wantHeaders = want.headers().toArray();
            Header[] headers = one.headers().toArray();
            check.same(wantHeaders.length, headers.length, "headers of record " + i);
            for (int h = 0; h < headers.length; h++) {
                check.same(wantHeaders[h].key(), headers[h].key(), "header key of record " + i);
                check.that(Arrays.equals(wantHeaders[h].value(), headers[h].value()), "header " + headers[h].key() + " of record " + i + " differs");
            }
            check.same(Optional.of(0), one.leaderEpoch(), "leader epoch of record " + i);
        }
    }
}
