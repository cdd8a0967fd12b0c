package tidemark.peer;

import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

/** Folds each event into its customer's state. */
final class FoldProcessor implements Processor<String, byte[], Void, Void> {
  static final String STATES = "customers";

  private final boolean hasRows;
  private ProcessorContext<Void, Void> context;
  private KeyValueStore<String, CustomerState> states;
  /** Null when the states are all there is to be. */
  private RowStore rows;

  FoldProcessor(boolean hasRows) {
    this.hasRows = hasRows;
  }

  @Override
  public void init(ProcessorContext<Void, Void> context) {
    this.context = context;
    states = context.getStateStore(STATES);
    if (hasRows) rows = context.getStateStore(RowStore.NAME);
  }

  @Override
  public void process(Record<String, byte[]> record) {
    Event event = Event.parse(record.value());
    if (event == null) return;
    RecordMetadata place = context.recordMetadata().orElseThrow();
    CustomerState known = states.get(record.key());
    CustomerState state = known == null ? new CustomerState() : known;
    state.fold(event, place.offset());
    states.put(record.key(), state);
    if (rows != null) rows.changed(record.key(), state);
  }
}
