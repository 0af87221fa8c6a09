package dev.ottla.interop;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsResult;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Checks of the admin client. */
final class Admins {
    private Admins() {
    }

    static void all() {
        Check.run("admin/topics", Duration.ofMinutes(1), Admins::topics);
        Check.run("admin/configs", Duration.ofMinutes(1), Admins::configs);
        Check.run("admin/groups", Duration.ofMinutes(1), Admins::groups);
        Check.run("admin/offsets", Duration.ofMinutes(1), Admins::offsets);
        Check.run("admin/delete-records", Duration.ofMinutes(1), Admins::deleteRecords);
        Check.run("admin/cluster", Duration.ofMinutes(1), Admins::cluster);
    }

    /** Describes one topic; the method that gives the answers by name was renamed between 2.8 and 4.0. */
    @SuppressWarnings("unchecked")
    static TopicDescription describe(Admin admin, String topic) throws ExecutionException {
        DescribeTopicsResult result = admin.describeTopics(List.of(topic));
        for (String method : List.of("topicNameValues", "values")) {
            try {
                return ((Map<String, KafkaFuture<TopicDescription>>) DescribeTopicsResult.class.getMethod(method).invoke(result)).get(topic).get();
            } catch (NoSuchMethodException e) {
                // the other one
            } catch (ReflectiveOperationException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
        throw new IllegalStateException("this version of the client describes no topics by name");
    }

    private static void create(Admin admin, NewTopic topic) throws Exception {
        admin.createTopics(List.of(topic)).all().get();
    }

    private static void topics(Check check) throws Exception {
        try (Admin admin = Clients.admin()) {
            String topic = Clients.newTopic(3, "retention.ms", "1234567");
            String other = Check.unique("t");
            check.throwsError(TopicExistsException.class, "create it again", () -> create(admin, new NewTopic(topic, 1, (short) 1)));
            check.throwsError(InvalidTopicException.class, "an illegal name", () -> create(admin, new NewTopic("not/legal", 1, (short) 1)));
            check.throwsError(InvalidReplicationFactorException.class, "nine replicas", () -> create(admin, new NewTopic(other, 1, (short) 9)));
            check.throwsError(InvalidPartitionsException.class, "no partition", () -> create(admin, new NewTopic(other, 0, (short) 1)));
            check.throwsError(InvalidConfigurationException.class, "a wrong config",
                () -> create(admin, new NewTopic(other, 1, (short) 1).configs(Map.of("cleanup.policy", "never"))));
            var created = admin.createTopics(List.of(new NewTopic(other, java.util.Optional.of(2), java.util.Optional.empty())), new CreateTopicsOptions().validateOnly(true));
            created.all().get();
            check.same(2, created.numPartitions(other).get(), "partitions in the answer to a creation");
            check.same(1, created.replicationFactor(other).get(), "replicas in the answer to a creation");
            check.that(!admin.listTopics().names().get().contains(other), "a creation that was only validated made the topic");
            TopicDescription described = describe(admin, topic);
            check.same(3, described.partitions().size(), "partitions");
            check.that(described.partitions().stream().allMatch(p -> p.leader() != null && p.isr().size() == 1), "described as " + described);
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
            check.throwsError(InvalidPartitionsException.class, "fewer partitions", () -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all().get());
            check.eventually(() -> described(admin, topic).equals("5") ? null : "partitions after adding: " + described(admin, topic));
            admin.deleteTopics(List.of(topic)).all().get();
            check.throwsError(UnknownTopicOrPartitionException.class, "delete again", () -> admin.deleteTopics(List.of(topic)).all().get());
            check.eventually(() -> described(admin, topic).equals("UnknownTopicOrPartitionException") ? null : "the deleted topic is described as " + described(admin, topic));
        }
    }

    /** The number of partitions, or the name of the error. */
    private static String described(Admin admin, String topic) {
        try {
            return "" + describe(admin, topic).partitions().size();
        } catch (ExecutionException e) {
            return e.getCause().getClass().getSimpleName();
        }
    }

    private static void alter(Admin admin, ConfigResource resource, AlterConfigOp.OpType op, String key, String value) throws Exception {
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry(key, value), op)))).all().get();
    }

    private static void want(Check check, Admin admin, ConfigResource resource, String key, String value, ConfigEntry.ConfigSource source) {
        check.eventually(() -> {
            try {
                ConfigEntry entry = admin.describeConfigs(List.of(resource)).all().get().get(resource).get(key);
                return entry != null && value.equals(entry.value()) && entry.source() == source ? null : key + ": want " + value + " from " + source + ", got " + entry;
            } catch (InterruptedException | ExecutionException e) {
                throw new Check.Failed("describe configs: " + e);
            }
        });
    }

    private static void configs(Check check) throws Exception {
        try (Admin admin = Clients.admin()) {
            var topic = new ConfigResource(ConfigResource.Type.TOPIC, Clients.newTopic(1));
            var fromDefault = ConfigEntry.ConfigSource.DEFAULT_CONFIG;
            var fromTopic = ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG;
            want(check, admin, topic, "retention.ms", "604800000", fromDefault);
            alter(admin, topic, AlterConfigOp.OpType.SET, "retention.ms", "3600000");
            want(check, admin, topic, "retention.ms", "3600000", fromTopic);
            alter(admin, topic, AlterConfigOp.OpType.APPEND, "cleanup.policy", "compact");
            want(check, admin, topic, "cleanup.policy", "delete,compact", fromTopic);
            alter(admin, topic, AlterConfigOp.OpType.SUBTRACT, "cleanup.policy", "compact");
            want(check, admin, topic, "cleanup.policy", "delete", fromTopic);
            alter(admin, topic, AlterConfigOp.OpType.DELETE, "retention.ms", "");
            want(check, admin, topic, "retention.ms", "604800000", fromDefault);
            check.throwsError(InvalidConfigurationException.class, "a value that is no number", () -> alter(admin, topic, AlterConfigOp.OpType.SET, "retention.ms", "soon"));
            check.throwsError(InvalidConfigurationException.class, "an unknown key", () -> alter(admin, topic, AlterConfigOp.OpType.SET, "no.such.config", "1"));
            var unknown = new ConfigResource(ConfigResource.Type.TOPIC, Check.unique("absent"));
            check.throwsError(UnknownTopicOrPartitionException.class, "configs of a topic that is not there", () -> admin.describeConfigs(List.of(unknown)).all().get());
            Node node = admin.describeCluster().nodes().get().iterator().next();
            var broker = new ConfigResource(ConfigResource.Type.BROKER, node.idString());
            Config config = admin.describeConfigs(List.of(broker)).all().get().get(broker);
            check.that(config.entries().size() > 100, "the broker has " + config.entries().size() + " configs");
            check.same("1", config.get("num.partitions").value(), "num.partitions");
            alter(admin, broker, AlterConfigOp.OpType.SET, "log.retention.ms", "86400000");
            want(check, admin, broker, "log.retention.ms", "86400000", ConfigEntry.ConfigSource.DYNAMIC_BROKER_CONFIG);
            want(check, admin, topic, "retention.ms", "86400000", ConfigEntry.ConfigSource.DYNAMIC_BROKER_CONFIG);
            alter(admin, broker, AlterConfigOp.OpType.DELETE, "log.retention.ms", "");
            want(check, admin, topic, "retention.ms", "604800000", fromDefault);
        }
    }

    private static ConsumerGroupDescription group(Admin admin, String group) {
        try {
            return admin.describeConsumerGroups(List.of(group)).describedGroups().get(group).get();
        } catch (InterruptedException | ExecutionException e) {
            throw new Check.Failed("describe group: " + e);
        }
    }

    private static void groups(Check check) throws Exception {
        String topic = Clients.newTopic(2);
        String group = Check.unique("g");
        try (Admin admin = Clients.admin()) {
            try (Member member = new Member(group, topic, new ConcurrentHashMap<>(), "client.id", "the-client")) {
                Groups.settle(check, Map.of("m", member), 2);
                check.that(admin.listConsumerGroups().all().get().stream().anyMatch(g -> g.groupId().equals(group) && !g.isSimpleConsumerGroup()), "the group is not listed");
                ConsumerGroupDescription described = group(admin, group);
                check.same("Stable", described.state().toString(), "state");
                check.same(1, described.members().size(), "members");
                MemberDescription one = described.members().iterator().next();
                check.same("the-client", one.clientId(), "client id");
                check.same("/127.0.0.1", one.host(), "host");
                check.same(Set.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1)), one.assignment().topicPartitions(), "assignment");
                check.throwsError(GroupNotEmptyException.class, "delete a group with a member", () -> admin.deleteConsumerGroups(List.of(group)).all().get());
            }
            check.eventually(() -> group(admin, group).state().toString().equals("Empty") ? null : "without members the group is " + group(admin, group).state());
            admin.deleteConsumerGroups(List.of(group)).all().get();
            check.throwsError(GroupIdNotFoundException.class, "delete it again", () -> admin.deleteConsumerGroups(List.of(group)).all().get());
            check.that(admin.listConsumerGroups().all().get().stream().noneMatch(g -> g.groupId().equals(group)), "the deleted group is listed");
        }
    }

    private static void offsets(Check check) throws Exception {
        String group = Check.unique("g");
        var zero = new TopicPartition(Clients.newTopic(2), 0);
        var one = new TopicPartition(zero.topic(), 1);
        try (Admin admin = Clients.admin()) {
            admin.alterConsumerGroupOffsets(group, Map.of(zero, new OffsetAndMetadata(5), one, new OffsetAndMetadata(7, "seven"))).all().get();
            Map<TopicPartition, OffsetAndMetadata> listed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            check.same(5L, listed.get(zero).offset(), "offset of partition 0");
            check.same(new OffsetAndMetadata(7, "seven"), listed.get(one), "offset of partition 1");
            admin.deleteConsumerGroupOffsets(group, Set.of(one)).all().get();
            Map<TopicPartition, OffsetAndMetadata> left = new HashMap<>(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get());
            left.values().removeIf(v -> v == null);
            check.same(Set.of(zero), left.keySet(), "partitions with an offset after one was deleted");
            Clients.produce(zero.topic(), List.of("a", "b", "c", "d"));
            check.same(2L, admin.listOffsets(Map.of(zero, OffsetSpec.latest())).partitionResult(zero).get().offset(), "latest offset");
            check.same(0L, admin.listOffsets(Map.of(zero, OffsetSpec.earliest())).partitionResult(zero).get().offset(), "earliest offset");
        }
    }

    private static void deleteRecords(Check check) throws Exception {
        var partition = new TopicPartition(Clients.newTopic(1), 0);
        Clients.produce(partition.topic(), new ArrayList<>(List.of("0", "1", "2", "3", "4")));
        try (Admin admin = Clients.admin()) {
            check.same(3L, admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(3))).lowWatermarks().get(partition).get().lowWatermark(), "low watermark");
            check.throwsError(OffsetOutOfRangeException.class, "delete beyond the end",
                () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(99))).all().get());
            check.same(3L, admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).partitionResult(partition).get().offset(), "earliest offset");
            check.same("3", Clients.text(Clients.readAll(check, partition.topic(), 1, 2).get(0).value()), "first record");
            check.same(5L, admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(-1))).lowWatermarks().get(partition).get().lowWatermark(), "low watermark after all");
        }
    }

    private static void cluster(Check check) throws Exception {
        String topic = Clients.newTopic(3);
        try (Admin admin = Clients.admin()) {
            var cluster = admin.describeCluster();
            check.same(1, cluster.nodes().get().size(), "nodes");
            Node node = cluster.nodes().get().iterator().next();
            check.same(Clients.BOOTSTRAP, node.host() + ":" + node.port(), "address of the node");
            check.same(node.id(), cluster.controller().get().id(), "controller");
            check.that(!cluster.clusterId().get().isEmpty(), "no cluster id");
            check.eventually(() -> {
                try {
                    long found = admin.describeLogDirs(List.of(node.id())).descriptions().get(node.id()).get().values().stream()
                        .flatMap(dir -> dir.replicaInfos().keySet().stream()).filter(p -> p.topic().equals(topic)).count();
                    return found == 3 ? null : found + " of the topic's 3 partitions are in the log dirs";
                } catch (InterruptedException | ExecutionException e) {
                    throw new Check.Failed("describe log dirs: " + e);
                }
            });
        }
    }
}
