package tidemark.peer;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;

/**
 * The rows that changed since the last commit. They are in Cassandra before the commit goes out: Kafka Streams flushes its
 * caches then, and this is one for it. So a crash between the two writes the same rows again, and none is ever missing.
 */
final class RowStore implements StateStore, CachedStateStore<String, CustomerState> {
  static final String NAME = "rows";

  private final CassandraTable table;
  private final Map<String, CustomerState> changed = new LinkedHashMap<>();
  private int partition;
  private boolean isOpen;

  private RowStore(CassandraTable table) {
    this.table = table;
  }

  void changed(String customerId, CustomerState state) {
    changed.put(customerId, state);
  }

  @Override
  public void flushCache() {
    table.write(partition, changed);
    changed.clear();
  }

  @Override
  public void clearCache() {
    changed.clear();
  }

  @Override
  public boolean setFlushListener(CacheFlushListener<String, CustomerState> listener, boolean sendOldValues) {
    return false;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public void init(StateStoreContext context, StateStore root) {
    partition = context.taskId().partition();
    context.register(root, (key, value) -> {});
    isOpen = true;
  }

  @Override
  public void close() {
    isOpen = false;
  }

  @Override
  public boolean persistent() {
    return false;
  }

  @Override
  public boolean isOpen() {
    return isOpen;
  }

  static StoreBuilder<RowStore> builder(CassandraTable table) {
    return new StoreBuilder<>() {
      @Override
      public RowStore build() {
        return new RowStore(table);
      }

      @Override
      public StoreBuilder<RowStore> withCachingEnabled() {
        return this;
      }

      @Override
      public StoreBuilder<RowStore> withCachingDisabled() {
        return this;
      }

      @Override
      public StoreBuilder<RowStore> withLoggingEnabled(Map<String, String> config) {
        return this;
      }

      @Override
      public StoreBuilder<RowStore> withLoggingDisabled() {
        return this;
      }

      @Override
      public Map<String, String> logConfig() {
        return Map.of();
      }

      @Override
      public boolean loggingEnabled() {
        return false;
      }

      @Override
      public String name() {
        return NAME;
      }
    };
  }
}
