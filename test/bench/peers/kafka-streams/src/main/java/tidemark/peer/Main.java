package tidemark.peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Keeps every customer's measures from a topic of events, exactly once, in a state store with its changelog; with
 * `rows: true` in a table of Cassandra too. Takes its request as JSON in the first argument, says `ready` when it runs, and
 * ends with its standard input. Told `show` it writes the states of its stores to the table, and says `shown`.
 */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) throws Exception {
    JsonNode request = new ObjectMapper().readTree(arguments[0]);
    boolean hasRows = request.get("rows").asBoolean();
    try (CassandraTable table = tableOf(request)) {
      Topology topology = topology(request.get("topic").asText(), hasRows ? table : null);
      KafkaStreams streams = new KafkaStreams(topology, settings(request));
      CountDownLatch running = new CountDownLatch(1);
      streams.setStateListener(
          (now, before) -> {
            if (now == KafkaStreams.State.RUNNING) running.countDown();
          });
      streams.setUncaughtExceptionHandler(
          failure -> {
            failure.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
          });
      streams.start();
      running.await();
      System.out.println("ready");
      BufferedReader told = new BufferedReader(new InputStreamReader(System.in));
      while ("show".equals(told.readLine())) {
        if (!hasRows) show(streams, table, request.get("partitions").asInt());
        System.out.println("shown");
      }
      streams.close();
    }
  }

  private static Topology topology(String topic, CassandraTable table) {
    Topology topology = new Topology();
    topology.addSource("events", Serdes.String().deserializer(), Serdes.ByteArray().deserializer(), topic);
    topology.addProcessor("fold", () -> new FoldProcessor(table != null), "events");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(FoldProcessor.STATES), Serdes.String(), StateSerde.create())
            .withCachingEnabled(),
        "fold");
    if (table != null) topology.addStateStore(RowStore.builder(table), "fold");
    return topology;
  }

  private static Properties settings(JsonNode request) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, request.get("application").asText());
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, request.get("brokers").asText());
    settings.put(StreamsConfig.STATE_DIR_CONFIG, request.get("folder").asText());
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, request.get("threads").asInt());
    // Between two commits a customer's state is written once, however often it changes.
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, request.get("commitMs").asInt());
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    return settings;
  }

  private static CassandraTable tableOf(JsonNode request) {
    JsonNode at = request.get("table");
    return new CassandraTable(at.get("contactPoint").asText(), at.get("dataCenter").asText(), at.get("name").asText());
  }

  /** What the stores hold, a partition at a time: which one a customer is of is not in its state. */
  private static void show(KafkaStreams streams, CassandraTable table, int partitions) {
    for (int partition = 0; partition < partitions; partition++) {
      ReadOnlyKeyValueStore<String, CustomerState> store =
          streams.store(
              StoreQueryParameters.fromNameAndType(
                      FoldProcessor.STATES, QueryableStoreTypes.<String, CustomerState>keyValueStore())
                  .withPartition(partition));
      Map<String, CustomerState> states = new HashMap<>();
      try (KeyValueIterator<String, CustomerState> all = store.all()) {
        all.forEachRemaining(entry -> states.put(entry.key, entry.value));
      }
      table.write(partition, states);
    }
  }
}
