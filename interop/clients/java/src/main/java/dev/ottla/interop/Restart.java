package dev.ottla.interop;

import static dev.ottla.interop.Clients.bytes;
import static dev.ottla.interop.Clients.text;

import java.time.Duration;
import java.util.Collections;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.config.ConfigResource;

/** The node goes down and comes back while a producer sends and a member consumes; both go on by themselves. */
final class Restart {
    private Restart() {
    }

    static void all() {
        for (String how : List.of("stop", "kill")) {
            Check.run("restart/" + how, Duration.ofMinutes(2), check -> restart(check, how));
        }
    }

    private static void restart(Check check, String how) throws Exception {
        String topic = Clients.newTopic(2, "retention.ms", "7654321");
        String group = Check.unique("g");
        Map<String, Integer> seen = new ConcurrentHashMap<>();
        List<Future<RecordMetadata>> sent = Collections.synchronizedList(new ArrayList<>());
        try (Member member = new Member(group, topic, seen);
             KafkaProducer<byte[], byte[]> producer = Clients.producer("enable.idempotence", true, "acks", "all", "linger.ms", 1, "retries", Integer.MAX_VALUE)) {
            Groups.settle(check, Map.of("m", member), 2);
            boolean[] stopping = {false};
            Thread sender = new Thread(() -> {
                for (int i = 0; !stopping[0]; i++) {
                    sent.add(producer.send(new ProducerRecord<>(topic, i % 2, bytes("k"), bytes("" + i))));
                    Check.pause(1);
                }
            });
            sender.setDaemon(true);
            sender.start();
            check.eventually(() -> sent.size() > 300 ? null : "sent " + sent.size());
            check.restart(how);
            int before = sent.size();
            check.eventually(() -> sent.size() > before + 300 ? null : "sent " + sent.size() + " of " + (before + 300));
            stopping[0] = true;
            sender.join(30_000);
            for (Future<RecordMetadata> one : sent) {
                one.get();
            }
            check.eventually(() -> seen.size() >= sent.size() ? null : "the member saw " + seen.size() + " of " + sent.size() + " records");
            Map<Integer, Integer> last = new HashMap<>();
            for (ConsumerRecord<byte[], byte[]> record : Clients.readAll(check, topic, 2, sent.size())) {
                int number = Integer.parseInt(text(record.value()));
                check.same(last.getOrDefault(record.partition(), record.partition() - 2) + 2, number, "record after the one before in partition " + record.partition());
                last.put(record.partition(), number);
            }
            afterwards(check, topic, group, sent.size());
        }
    }

    private static void afterwards(Check check, String topic, String group, int sent) throws Exception {
        try (Admin admin = Clients.admin()) {
            check.eventually(() -> {
                try {
                    long committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().values().stream().mapToLong(o -> o.offset()).sum();
                    return committed == sent ? null : "committed " + committed + " of " + sent + " records";
                } catch (InterruptedException | ExecutionException e) {
                    return "list offsets: " + e;
                }
            });
            var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            check.same("7654321", admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value(), "retention.ms after the restart");
        }
    }
}
