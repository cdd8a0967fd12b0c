package tidemark.peer;

import com.datastax.oss.driver.api.core.ConsistencyLevel;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchStatementBuilder;
import com.datastax.oss.driver.api.core.cql.BatchType;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.BoundStatementBuilder;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import com.datastax.oss.driver.api.core.metadata.Node;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.stream.Collectors;

/** A table of states, a row for each customer and partition. A row's timestamp is its offset, so no older one replaces it. */
final class CassandraTable implements AutoCloseable {
  /** What a node takes as one batch without a warning in its log. */
  private static final int BATCH_BYTES = 4_608;
  private static final int BATCH_ROWS = 10;
  private static final int CELL_BYTES = 20;
  private static final int BATCHES_IN_FLIGHT = 192;

  private final CqlSession session;
  private final PreparedStatement insert;
  private final Semaphore inFlight = new Semaphore(BATCHES_IN_FLIGHT);

  /** `contactPoint` is `host:port`, `table` is `keyspace.name`. */
  CassandraTable(String contactPoint, String dataCenter, String table) {
    int colon = contactPoint.lastIndexOf(':');
    DriverConfigLoader config =
        DriverConfigLoader.programmaticBuilder()
            .withString(DefaultDriverOption.REQUEST_CONSISTENCY, ConsistencyLevel.LOCAL_QUORUM.name())
            .withBoolean(DefaultDriverOption.REQUEST_DEFAULT_IDEMPOTENCE, true)
            .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(8))
            .build();
    session =
        CqlSession.builder()
            .addContactPoint(
                new InetSocketAddress(contactPoint.substring(0, colon), Integer.parseInt(contactPoint.substring(colon + 1))))
            .withLocalDatacenter(dataCenter)
            .withConfigLoader(config)
            .build();
    String columns = Arrays.stream(Column.ALL).map(column -> ", " + column.columnName()).collect(Collectors.joining());
    insert =
        session.prepare(
            "INSERT INTO " + table + " (customer_id, epoch, partition, last_offset, ids" + columns + ") VALUES (?, ?, ?, ?, ?"
                + ", ?".repeat(Column.ALL.length) + ") USING TIMESTAMP ?");
  }

  /** Returns when all rows are acknowledged. Those of the same nodes go together in unlogged batches. */
  void write(int partition, Map<String, CustomerState> states) {
    List<CompletableFuture<?>> sent = new ArrayList<>();
    Map<Set<Node>, Batch> open = new HashMap<>();
    for (Map.Entry<String, CustomerState> entry : states.entrySet()) {
      ByteBuffer key = ColumnType.text(entry.getKey());
      Batch row = rowOf(key, partition, entry.getValue());
      Set<Node> nodes = replicasOf(key);
      Batch batch = open.get(nodes);
      if (batch != null && (batch.rows.size() == BATCH_ROWS || batch.bytes + row.bytes > BATCH_BYTES)) {
        sent.add(send(batch));
        batch = null;
      }
      if (batch == null) open.put(nodes, row);
      else batch.add(row);
    }
    for (Batch batch : open.values()) sent.add(send(batch));
    try {
      CompletableFuture.allOf(sent.toArray(CompletableFuture[]::new)).join();
    } catch (CompletionException failed) {
      throw new IllegalStateException("rows could not be written", failed);
    }
  }

  @Override
  public void close() {
    session.close();
  }

  private Set<Node> replicasOf(ByteBuffer key) {
    return session
        .getMetadata()
        .getTokenMap()
        .map(tokens -> tokens.getReplicas(insert.getVariableDefinitions().get(0).getKeyspace(), key))
        .orElse(Set.of());
  }

  private CompletableFuture<?> send(Batch batch) {
    inFlight.acquireUninterruptibly();
    CompletableFuture<?> sent = session.executeAsync(batch.statement()).toCompletableFuture();
    return sent.whenComplete((result, failure) -> inFlight.release());
  }

  private Batch rowOf(ByteBuffer key, int partition, CustomerState state) {
    BoundStatementBuilder row = insert.boundStatementBuilder();
    int bytes = 0;
    int at = 0;
    row.setBytesUnsafe(at++, key);
    row.setInt(at++, 0);
    row.setInt(at++, partition);
    row.setLong(at++, state.lastOffset);
    row.setByteBuffer(at++, ByteBuffer.wrap(state.ids.bytes));
    for (Column column : Column.ALL) {
      ByteBuffer cell = column.type.cell(state.values[column.ordinal()]);
      bytes += cell.remaining();
      row.setBytesUnsafe(at++, cell);
    }
    row.setLong(at++, state.lastOffset + 1);
    Batch batch = new Batch();
    batch.rows.add(row.build());
    batch.bytes = bytes + key.remaining() + state.ids.bytes.length + 24 + at * CELL_BYTES;
    return batch;
  }

  private static final class Batch {
    final List<BoundStatement> rows = new ArrayList<>();
    int bytes;

    void add(Batch other) {
      rows.addAll(other.rows);
      bytes += other.bytes;
    }

    Statement<?> statement() {
      if (rows.size() == 1) return rows.get(0);
      BatchStatementBuilder batch = BatchStatement.builder(BatchType.UNLOGGED);
      for (BoundStatement row : rows) batch.addStatement(row);
      return batch.build();
    }
  }
}
