package tidemark.peer;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** A state as the store keeps it: offset, ids, which columns there are, and those. Columns that hold nothing take no bytes. */
final class StateSerde {
  private static final int USUAL_BYTES = 256;

  private StateSerde() {}

  static Serde<CustomerState> create() {
    return Serdes.serdeFrom((topic, state) -> write(state), (topic, bytes) -> read(bytes));
  }

  private static byte[] write(CustomerState state) {
    if (state == null) return null;
    byte[] ids = state.ids.bytes;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(ids.length + USUAL_BYTES);
    DataOutputStream to = new DataOutputStream(bytes);
    try {
      to.writeLong(state.lastOffset);
      to.writeInt(ids.length);
      to.write(ids);
      long present = 0;
      for (Column column : Column.ALL) if (isPresent(state, column)) present |= 1L << column.ordinal();
      to.writeLong(present);
      for (Column column : Column.ALL)
        if ((present & 1L << column.ordinal()) != 0) column.type.write(state.values[column.ordinal()], to);
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return bytes.toByteArray();
  }

  private static boolean isPresent(CustomerState state, Column column) {
    Object value = state.values[column.ordinal()];
    return value != column.type.zero && !value.equals(column.type.zero);
  }

  private static CustomerState read(byte[] bytes) {
    if (bytes == null) return null;
    DataInputStream from = new DataInputStream(new ByteArrayInputStream(bytes));
    try {
      long lastOffset = from.readLong();
      byte[] ids = new byte[from.readInt()];
      from.readFully(ids);
      long present = from.readLong();
      Object[] values = new Object[Column.ALL.length];
      for (Column column : Column.ALL)
        values[column.ordinal()] = (present & 1L << column.ordinal()) == 0 ? column.type.zero : column.type.read(from);
      CustomerState state = new CustomerState(new IdWindow(ids), values);
      state.lastOffset = lastOffset;
      return state;
    } catch (IOException broken) {
      throw new UncheckedIOException(broken);
    }
  }
}
