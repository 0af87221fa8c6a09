package dev.ottla.interop;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.OffsetMetadataTooLarge;

/** Checks of groups. */
final class Groups {
    private Groups() {
    }

    static void all() {
        Check.run("group/come-and-go", Duration.ofMinutes(2), Groups::comeAndGo);
        for (String name : List.of("Range", "RoundRobin", "Sticky", "CooperativeSticky")) {
            Check.run("group/assignor/" + name, Duration.ofMinutes(1), check -> assignor(check, name));
        }
        Check.run("group/static", Duration.ofMinutes(1), Groups::staticMember);
        Check.run("group/resume", Duration.ofMinutes(1), Groups::resume);
    }

    /** Waits until every partition has one owner and every member owns some, several times in a row. */
    static void settle(Check check, Map<String, Member> members, int partitions) {
        int[] good = {0};
        check.eventually(() -> {
            Map<Integer, List<String>> owners = new TreeMap<>();
            for (int p = 0; p < partitions; p++) {
                owners.put(p, new ArrayList<>());
            }
            for (Map.Entry<String, Member> member : members.entrySet()) {
                Set<Integer> owned = member.getValue().owned();
                if (owned.isEmpty()) {
                    good[0] = 0;
                    return "member " + member.getKey() + " of " + members.size() + " owns nothing";
                }
                owned.forEach(p -> owners.get(p).add(member.getKey()));
            }
            if (owners.values().stream().anyMatch(o -> o.size() != 1)) {
                good[0] = 0;
                return "the owners of partitions are " + owners;
            }
            return ++good[0] < 4 ? "not settled for long enough" : null;
        });
    }

    /** While the group is settled, what is sent is seen exactly once; what is sent during a change, at least once. */
    private static void comeAndGo(Check check) throws Exception {
        String topic = Clients.newTopic(6);
        String group = Check.unique("g");
        Map<String, Integer> seen = new ConcurrentHashMap<>();
        Map<String, Member> members = new TreeMap<>();
        List<String> moving = new ArrayList<>();
        List<String> settled = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer = Clients.producer("acks", "all")) {
            for (String change : List.of("+a", "+b", "+c", "-a", "-b", "+d")) {
                String name = change.substring(1);
                if (change.startsWith("+")) {
                    members.put(name, new Member(group, topic, seen));
                } else {
                    members.remove(name).close();
                }
                send(producer, topic, "moving", 30, moving);
                settle(check, members, 6);
                check.eventually(() -> Check.listed("not seen after " + change, moving.stream().filter(v -> !seen.containsKey(v)).toList()));
                send(producer, topic, "settled", 60, settled);
                check.eventually(() -> Check.listed("not seen while settled after " + change, settled.stream().filter(v -> !seen.containsKey(v)).toList()));
            }
        } finally {
            members.values().forEach(Member::close);
        }
        String repeated = Check.listed("seen more than once though the group was settled", settled.stream().filter(v -> seen.get(v) > 1).toList());
        check.that(repeated == null, repeated);
    }

    private static void send(KafkaProducer<byte[], byte[]> producer, String topic, String kind, int count, List<String> all) throws Exception {
        List<String> values = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            values.add(kind + "-" + (all.size() + i));
        }
        Clients.produce(producer, topic, values);
        all.addAll(values);
    }

    private static void assignor(Check check, String name) throws Exception {
        String topic = Clients.newTopic(5);
        String group = Check.unique("g");
        Object[] config = {"partition.assignment.strategy", "org.apache.kafka.clients.consumer." + name + "Assignor"};
        try (Member a = new Member(group, topic, new ConcurrentHashMap<>(), config); Member b = new Member(group, topic, new ConcurrentHashMap<>(), config); Admin admin = Clients.admin()) {
            settle(check, Map.of("a", a, "b", b), 5);
            String described = admin.describeConsumerGroups(List.of(group)).describedGroups().get(group).get().partitionAssignor();
            check.same(name.replaceAll("([a-z])([A-Z])", "$1-$2").toLowerCase().replace("round-robin", "roundrobin"), described, "assignor of the group");
        }
    }

    private static void staticMember(Check check) throws Exception {
        String topic = Clients.newTopic(4);
        String group = Check.unique("g");
        Member a = new Member(group, topic, new ConcurrentHashMap<>(), "group.instance.id", "a");
        try (Member b = new Member(group, topic, new ConcurrentHashMap<>(), "group.instance.id", "b")) {
            settle(check, Map.of("a", a, "b", b), 4);
            Set<Integer> kept = a.owned();
            int generation = b.generation();
            a.close(); // a static member does not send LeaveGroup
            a = new Member(group, topic, new ConcurrentHashMap<>(), "group.instance.id", "a");
            settle(check, Map.of("a", a, "b", b), 4);
            check.same(kept, a.owned(), "partitions of the static member");
            check.same(generation, b.generation(), "generation");
            // A second member under the same name fences the first.
            try (Member other = new Member(group, topic, new ConcurrentHashMap<>(), "group.instance.id", "a")) {
                Member first = a;
                check.eventually(() -> {
                    try {
                        first.owned();
                        return "the first member of the same name is not fenced";
                    } catch (Check.Failed e) {
                        return e.getMessage().contains("FencedInstanceId") ? null : e.getMessage();
                    }
                });
            }
        } finally {
            a.close();
        }
    }

    private static void resume(Check check) throws Exception {
        TopicPartition partition = new TopicPartition(Clients.newTopic(1), 0);
        String group = Check.unique("g");
        List<String> values = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            values.add("" + i);
        }
        Clients.produce(partition.topic(), values);
        try (KafkaConsumer<byte[], byte[]> first = Clients.consumer("group.id", group)) {
            first.subscribe(List.of(partition.topic()));
            read(check, first, 20);
            first.commitSync(Map.of(partition, new OffsetAndMetadata(12, "a note")));
        }
        try (KafkaConsumer<byte[], byte[]> second = Clients.consumer("group.id", group)) {
            second.subscribe(List.of(partition.topic()));
            check.same(12L, read(check, second, 1).get(0).offset(), "first record of the successor");
            check.same("a note", second.committed(Set.of(partition)).get(partition).metadata(), "metadata of the commit");
            check.throwsError(OffsetMetadataTooLarge.class, "metadata of 5000 bytes",
                () -> second.commitSync(Map.of(partition, new OffsetAndMetadata(13, "x".repeat(5000)))));
            check.same(12L, second.committed(Set.of(partition)).get(partition).offset(), "offset after the refused commit");
        }
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(Check check, KafkaConsumer<byte[], byte[]> consumer, int atLeast) {
        List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
        while (all.size() < atLeast) {
            consumer.poll(Duration.ofMillis(200)).forEach(all::add);
            check.that(!check.over(), "read " + all.size() + " of " + atLeast + " records");
        }
        return all;
    }
}
