import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Collectors;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.common.RequestLocal;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.LogAppendInfo;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;
import org.apache.kafka.storage.internals.log.RecordValidationException;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.internals.log.VerificationGuard;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

/**
 * Asks Apache Kafka's own classes what they do with record batches. Each line of the standard input is a question, each
 * line of the output the answer to it. The words of a question are separated by blanks:
 *
 *   build  CODEC LEVEL TRANSACTIONAL PRODUCER:EPOCH:SEQUENCE RECORDS    the bytes that Apache writes
 *   read   HEX                                                          the records that Apache reads
 *   append ORIGIN NOW SETTINGS HEX                                      what a log does with a batch
 */
public class Oracle {
    static final HexFormat HEX = HexFormat.of();
    static final long FIRST_OFFSET = 100;
    static final int LEADER_EPOCH = 5;

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            System.out.println(switch (words[0]) {
                case "build" -> build(words);
                case "read" -> read(words[1]);
                case "append" -> append(words);
                default -> throw new IllegalArgumentException(line);
            });
        }
    }

    static String build(String[] words) {
        CompressionType type = CompressionType.forName(words[1]);
        int level = Integer.parseInt(words[2]);
        Compression compression = switch (type) {
            case GZIP -> level == 0 ? Compression.gzip().build() : Compression.gzip().level(level).build();
            case LZ4 -> level == 0 ? Compression.lz4().build() : Compression.lz4().level(level).build();
            case ZSTD -> level == 0 ? Compression.zstd().build() : Compression.zstd().level(level).build();
            default -> Compression.of(type).build();
        };
        String[] producer = words[4].split(":");
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(64), RecordBatch.CURRENT_MAGIC_VALUE, compression,
            TimestampType.CREATE_TIME, 0, RecordBatch.NO_TIMESTAMP, Long.parseLong(producer[0]), Short.parseShort(producer[1]),
            Integer.parseInt(producer[2]), Boolean.parseBoolean(words[3]), RecordBatch.NO_PARTITION_LEADER_EPOCH);
        for (SimpleRecord r : parse(words[5]))
            builder.append(r);
        return hex(builder.build().buffer());
    }

    static String read(String hex) {
        List<String> out = new ArrayList<>();
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(HEX.parseHex(hex))).batches()) {
            batch.ensureValid();
            for (Record r : batch) {
                StringBuilder s = new StringBuilder();
                s.append(r.timestamp()).append(',').append(hex(r.key())).append(',').append(hex(r.value()));
                for (Header h : r.headers())
                    s.append(',').append(hex(ByteBuffer.wrap(h.key().getBytes()))).append('=')
                        .append(hex(h.value() == null ? null : ByteBuffer.wrap(h.value())));
                out.add(s.toString());
            }
        }
        return String.join(";", out);
    }

    static List<SimpleRecord> parse(String text) {
        List<SimpleRecord> records = new ArrayList<>();
        for (String one : text.split(";")) {
            String[] f = one.split(",");
            Header[] headers = new Header[f.length - 3];
            for (int i = 3; i < f.length; i++) {
                String[] kv = f[i].split("=");
                headers[i - 3] = new RecordHeader(new String(HEX.parseHex(kv[0].equals("_") ? "" : kv[0])), bytes(kv[1]));
            }
            records.add(new SimpleRecord(Long.parseLong(f[0]), bytes(f[1]), bytes(f[2]), headers));
        }
        return records;
    }

    static byte[] bytes(String hex) {
        return hex.equals("-") ? null : HEX.parseHex(hex.equals("_") ? "" : hex);
    }

    static String hex(ByteBuffer b) {
        if (b == null)
            return "-";
        byte[] bytes = new byte[b.remaining()];
        b.duplicate().get(bytes);
        return bytes.length == 0 ? "_" : HEX.formatHex(bytes);
    }

    static String append(String[] words) throws Exception {
        File parent = Files.createTempDirectory("oracle").toFile();
        File dir = new File(parent, "t-0");
        KafkaScheduler scheduler = new KafkaScheduler(1);
        scheduler.startup();
        Properties props = new Properties();
        if (!words[3].equals("-"))
            for (String setting : words[3].split(","))
                props.put(setting.split("=")[0], setting.split("=")[1]);
        UnifiedLog log = UnifiedLog.create(dir, new LogConfig(props), FIRST_OFFSET, FIRST_OFFSET, scheduler, new BrokerTopicStats(),
            new FixedTime(Long.parseLong(words[2])), 900000, new ProducerStateManagerConfig(86400000, false), 600000,
            new LogDirFailureChannel(1), true, Optional.of(Uuid.ZERO_UUID));
        try {
            MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(HEX.parseHex(words[4].equals("_") ? "" : words[4])));
            AppendOrigin origin = AppendOrigin.valueOf(words[1]);
            LogAppendInfo info;
            if (origin == AppendOrigin.REPLICATION) {
                info = log.appendAsFollower(records, LEADER_EPOCH);
            } else {
                if (origin == AppendOrigin.CLIENT)
                    ProduceRequest.validateRecords((short) 12, records);
                info = log.appendAsLeader(records, LEADER_EPOCH, origin, RequestLocal.noCaching(), VerificationGuard.SENTINEL, (short) 1);
            }
            log.flush(true);
            byte[] written = Files.readAllBytes(new File(dir, "00000000000000000100.log").toPath());
            return String.format("ok %d %d %d %d %s", info.firstOffset(), info.lastOffset(), info.maxTimestamp(), info.logAppendTime(),
                hex(ByteBuffer.wrap(written)));
        } catch (RecordValidationException e) {
            return "error " + Errors.forException(e.invalidException()).name() + " "
                + e.recordErrors().stream().map(r -> String.valueOf(r.batchIndex)).collect(Collectors.joining(","));
        } catch (Throwable e) {
            return "error " + Errors.forException(e).name() + " -";
        } finally {
            log.close();
            scheduler.shutdown();
            try (var walk = Files.walk(parent.toPath())) {
                walk.sorted(java.util.Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
            }
        }
    }

    /** Stands still, so that answers do not change from run to run. */
    static class FixedTime implements Time {
        private final long nowMs;
        FixedTime(long nowMs) { this.nowMs = nowMs; }
        public long milliseconds() { return nowMs; }
        public long nanoseconds() { return nowMs * 1000000; }
        public void sleep(long ms) { }
        public void waitObject(Object obj, java.util.function.Supplier<Boolean> condition, long deadlineMs) { }
    }
}
