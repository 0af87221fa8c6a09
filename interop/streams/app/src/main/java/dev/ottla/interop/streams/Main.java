package dev.ottla.interop.streams;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;

/**
 * Counts the words of the topic "lines" into the topic "counts", and adds up the lengths of the lines of each team into "sums". Both
 * group by something else than the key of a line, so there are two repartition topics, and two stores with a changelog each. Nothing is
 * cached: every update comes out.
 *
 * <p>Prints "STATE name" when the application's state changes and "REPLACED error" when one of its threads is replaced. The line
 * "stores" on standard input has it print "STORE name key value" for all that is in the stores and then "STORES END", or "STORES AGAIN
 * why"; "stop" ends it in an orderly way, and so does the end of the input, at once.
 */
public final class Main {
    private static final Serde<String> TEXT = Serdes.String();
    private static final Serde<Long> NUMBER = Serdes.Long();

    private Main() {
    }

    public static void main(String[] args) throws IOException {
        KafkaStreams streams = new KafkaStreams(topology(), config());
        streams.setUncaughtExceptionHandler(error -> {
            say("REPLACED " + error);
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        });
        streams.setStateListener((now, before) -> say("STATE " + now));
        streams.start();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        for (String command = commands.readLine(); command != null; command = commands.readLine()) {
            if (command.equals("stores")) {
                printStores(streams);
            } else if (command.equals("stop")) {
                streams.close();
                return;
            }
        }
        Runtime.getRuntime().halt(3);
    }

    private static Topology topology() {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, String> lines = builder.stream("lines", Consumed.with(TEXT, TEXT));
        lines.flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((user, word) -> word, Grouped.<String, String>as("words").withKeySerde(TEXT).withValueSerde(TEXT))
            .count(Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counts").withKeySerde(TEXT).withValueSerde(NUMBER))
            .toStream().to("counts", Produced.with(TEXT, NUMBER));
        lines.groupBy((user, line) -> user.substring(0, user.indexOf('.')), Grouped.<String, String>as("teams").withKeySerde(TEXT).withValueSerde(TEXT))
            .aggregate(() -> 0L, (team, line, sum) -> sum + line.length(),
                Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("sums").withKeySerde(TEXT).withValueSerde(NUMBER))
            .toStream().to("sums", Produced.with(TEXT, NUMBER));
        return builder.build();
    }

    private static Properties config() {
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("APPLICATION"));
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("BOOTSTRAP"));
        config.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("STATE_DIR"));
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 50);
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        config.put(StreamsConfig.REPARTITION_PURGE_INTERVAL_MS_CONFIG, 2_000);
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6_000);
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 500);
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.METADATA_MAX_AGE_CONFIG), 5_000);
        return config;
    }

    private static void printStores(KafkaStreams streams) {
        try {
            for (String name : new String[] {"counts", "sums"}) {
                var store = streams.store(StoreQueryParameters.fromNameAndType(name, QueryableStoreTypes.<String, Long>keyValueStore()));
                try (KeyValueIterator<String, Long> entries = store.all()) {
                    while (entries.hasNext()) {
                        var entry = entries.next();
                        say("STORE " + name + " " + entry.key + " " + entry.value);
                    }
                }
            }
            say("STORES END");
        } catch (InvalidStateStoreException e) { // a partition is moving or being restored
            say("STORES AGAIN " + e);
        }
    }

    private static synchronized void say(String line) {
        System.out.println(line.replace('\n', ' '));
        System.out.flush();
    }
}
