package dev.ottla.interop;

import static dev.ottla.interop.Clients.BASE_TIME_MS;
import static dev.ottla.interop.Clients.bytes;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.RecordTooLargeException;

/** Checks of what goes in and comes out. */
final class Produce {
    private Produce() {
    }

    static void all() {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            for (String acks : List.of("0", "1", "all")) {
                Check.run("produce/" + codec + "/acks=" + acks, Duration.ofSeconds(30), check -> codecAndAcks(check, codec, acks));
            }
        }
        Check.run("headers", Duration.ofMinutes(1), Produce::headers);
        Check.run("large/record", Duration.ofMinutes(1), Produce::largeRecord);
        Check.run("large/refused", Duration.ofMinutes(1), Produce::largeRefused);
        Check.run("idempotent", Duration.ofMinutes(1), Produce::idempotent);
        Check.run("auto-create", Duration.ofMinutes(1), Produce::autoCreate);
    }

    private static List<ProducerRecord<byte[], byte[]>> sample(String topic, int partition, int count) {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String key = i % 3 == 0 ? null : i % 3 == 1 ? "" : "key-" + i;
            String value = i % 5 == 0 ? null : i % 5 == 1 ? "" : ("value " + i + " ").repeat(i);
            var record = new ProducerRecord<>(topic, partition, BASE_TIME_MS + i * 1000L, bytes(key), bytes(value));
            for (int h = 0; h < i % 4; h++) {
                record.headers().add("h" + h, bytes("" + i));
            }
            records.add(record);
        }
        return records;
    }

    private static void codecAndAcks(Check check, String codec, String acks) throws Exception {
        String topic = Clients.newTopic(2);
        List<List<ProducerRecord<byte[], byte[]>>> sent = List.of(sample(topic, 0, 100), sample(topic, 1, 100));
        try (KafkaProducer<byte[], byte[]> producer = Clients.producer("acks", acks, "compression.type", codec, "enable.idempotence", false,
            "max.in.flight.requests.per.connection", 1)) {
            List<Future<RecordMetadata>> answers = new ArrayList<>();
            sent.forEach(records -> records.forEach(record -> answers.add(producer.send(record))));
            for (int i = 0; i < answers.size(); i++) {
                RecordMetadata metadata = answers.get(i).get();
                check.same(acks.equals("0") ? -1L : i % 100L, metadata.offset(), "offset in the answer for record " + i);
            }
        }
        Map<Integer, List<ConsumerRecord<byte[], byte[]>>> got = Clients.readAll(check, topic, 2, 200).stream()
            .collect(Collectors.groupingBy(ConsumerRecord::partition));
        Clients.sameRecords(check, sent.get(0), got.get(0));
        Clients.sameRecords(check, sent.get(1), got.get(1));
    }

    private static void sendAll(KafkaProducer<byte[], byte[]> producer, List<ProducerRecord<byte[], byte[]>> records) throws Exception {
        for (ProducerRecord<byte[], byte[]> record : records) {
            producer.send(record).get();
        }
    }

    private static void headers(Check check) throws Exception {
        String topic = Clients.newTopic(1);
        var record = new ProducerRecord<>(topic, 0, BASE_TIME_MS, bytes("k"), bytes("v"));
        record.headers().add("same", bytes("1")).add("same", bytes("2")).add("empty", new byte[0]).add("null", null)
            .add("", bytes("no name")).add("bytes", new byte[] {0, -1, -2, 1}).add("größe", bytes("ü"));
        try (KafkaProducer<byte[], byte[]> producer = Clients.producer()) {
            sendAll(producer, List.of(record));
        }
        Clients.sameRecords(check, List.of(record), Clients.readAll(check, topic, 1, 1));
    }

    private static byte[] noise(int size) {
        byte[] noise = new byte[size];
        new Random(1).nextBytes(noise);
        return noise;
    }

    private static void largeRecord(Check check) throws Exception {
        String topic = Clients.newTopic(1, "max.message.bytes", "5000000");
        List<ProducerRecord<byte[], byte[]>> sent = List.of(
            new ProducerRecord<>(topic, 0, BASE_TIME_MS, null, bytes("before")),
            new ProducerRecord<>(topic, 0, BASE_TIME_MS, null, noise(3 << 20)),
            new ProducerRecord<>(topic, 0, BASE_TIME_MS, null, bytes("after")));
        try (KafkaProducer<byte[], byte[]> producer = Clients.producer("max.request.size", 6_000_000)) {
            sendAll(producer, sent);
        }
        Clients.sameRecords(check, sent, Clients.readAll(check, topic, 1, 3, "max.partition.fetch.bytes", 65_536, "fetch.max.bytes", 65_536));
    }

    private static void largeRefused(Check check) throws Exception {
        String topic = Clients.newTopic(1);
        List<ProducerRecord<byte[], byte[]>> small = List.of(new ProducerRecord<>(topic, 0, BASE_TIME_MS, null, bytes("small")));
        try (KafkaProducer<byte[], byte[]> producer = Clients.producer("max.request.size", 6_000_000)) {
            check.throwsError(RecordTooLargeException.class, "2 MB into a topic with the default limit",
                () -> producer.send(new ProducerRecord<>(topic, noise(2 << 20))).get());
            sendAll(producer, small);
        }
        Clients.sameRecords(check, small, Clients.readAll(check, topic, 1, 1));
    }

    private static void idempotent(Check check) throws Exception {
        String topic = Clients.newTopic(1);
        int count = 3000;
        try (KafkaProducer<byte[], byte[]> producer = Clients.producer("enable.idempotence", true, "acks", "all", "batch.size", 512,
            "linger.ms", 0, "max.in.flight.requests.per.connection", 5)) {
            List<Future<RecordMetadata>> answers = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                answers.add(producer.send(new ProducerRecord<>(topic, bytes("" + i))));
            }
            for (int i = 0; i < count; i++) {
                check.same((long) i, answers.get(i).get().offset(), "offset in the answer for record " + i);
            }
        }
        List<ConsumerRecord<byte[], byte[]>> got = Clients.readAll(check, topic, 1, count, "isolation.level", "read_committed");
        for (int i = 0; i < count; i++) {
            check.same("" + i, Clients.text(got.get(i).value()), "record " + i);
        }
    }

    private static void autoCreate(Check check) throws Exception {
        String topic = Check.unique("auto");
        List<ProducerRecord<byte[], byte[]>> sent = List.of(new ProducerRecord<>(topic, null, BASE_TIME_MS, null, bytes("v")));
        try (KafkaProducer<byte[], byte[]> producer = Clients.producer()) {
            sendAll(producer, sent);
        }
        Clients.sameRecords(check, sent, Clients.readAll(check, topic, 1, 1));
        String subscribed = Check.unique("auto");
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer("group.id", Check.unique("g"), "metadata.max.age.ms", 500); Admin admin = Clients.admin()) {
            consumer.subscribe(List.of(subscribed));
            check.eventually(() -> {
                consumer.poll(Duration.ofMillis(200));
                return consumer.assignment().size() == 1 ? null : "a subscribed topic that was not there is assigned as " + consumer.assignment();
            });
            try {
                check.same(1, Admins.describe(admin, subscribed).partitions().size(), "partitions of the topic");
            } catch (ExecutionException e) {
                check.fail("describe a topic that subscribing created: " + e.getCause());
            }
        }
    }
}
