package tidemark.peer;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** What a column of a state holds: its value when there is nothing, its bytes in the state store, and those in Cassandra. */
enum ColumnType {
  /** {@code Long}, never null. */
  INT64(0L) {
    void write(Object value, DataOutput to) throws IOException {
      to.writeLong((Long) value);
    }

    Object read(DataInput from) throws IOException {
      return from.readLong();
    }

    ByteBuffer cell(Object value) {
      return int64((Long) value);
    }
  },
  /** {@code BigInteger}, never null. */
  VARINT(BigInteger.ZERO) {
    void write(Object value, DataOutput to) throws IOException {
      byte[] bytes = ((BigInteger) value).toByteArray();
      to.writeByte(bytes.length);
      to.write(bytes);
    }

    Object read(DataInput from) throws IOException {
      byte[] bytes = new byte[from.readUnsignedByte()];
      from.readFully(bytes);
      return new BigInteger(bytes);
    }

    ByteBuffer cell(Object value) {
      return ByteBuffer.wrap(((BigInteger) value).toByteArray());
    }
  },
  /** {@code Long}, UTC milliseconds, or null. */
  TIMESTAMP(null) {
    void write(Object value, DataOutput to) throws IOException {
      to.writeLong((Long) value);
    }

    Object read(DataInput from) throws IOException {
      return from.readLong();
    }

    ByteBuffer cell(Object value) {
      return value == null ? EMPTY : int64((Long) value);
    }
  },
  /** {@code Integer} or null. */
  INT32(null) {
    void write(Object value, DataOutput to) throws IOException {
      to.writeInt((Integer) value);
    }

    Object read(DataInput from) throws IOException {
      return from.readInt();
    }

    ByteBuffer cell(Object value) {
      return value == null ? EMPTY : ByteBuffer.allocate(4).putInt(0, (Integer) value);
    }
  },
  /** {@code String} or null. */
  TEXT(null) {
    void write(Object value, DataOutput to) throws IOException {
      to.writeUTF((String) value);
    }

    Object read(DataInput from) throws IOException {
      return from.readUTF();
    }

    ByteBuffer cell(Object value) {
      return value == null ? EMPTY : text((String) value);
    }
  },
  /** {@code String[]}, ascending by UTF-8 bytes, each once. */
  TEXT_SET(new String[0]) {
    void write(Object value, DataOutput to) throws IOException {
      String[] texts = (String[]) value;
      to.writeInt(texts.length);
      for (String text : texts) to.writeUTF(text);
    }

    Object read(DataInput from) throws IOException {
      String[] texts = new String[from.readInt()];
      for (int at = 0; at < texts.length; at++) texts[at] = from.readUTF();
      return texts;
    }

    ByteBuffer cell(Object value) {
      String[] texts = (String[]) value;
      ByteBuffer[] parts = new ByteBuffer[texts.length];
      for (int at = 0; at < texts.length; at++) parts[at] = text(texts[at]);
      return collection(texts.length, parts);
    }
  },
  /** {@code SortedMap<String, Long>}: how often. */
  TEXT_COUNTS(Collections.emptySortedMap()) {
    void write(Object value, DataOutput to) throws IOException {
      SortedMap<String, Long> counts = textCounts(value);
      to.writeInt(counts.size());
      for (Map.Entry<String, Long> entry : counts.entrySet()) {
        to.writeUTF(entry.getKey());
        to.writeLong(entry.getValue());
      }
    }

    Object read(DataInput from) throws IOException {
      SortedMap<String, Long> counts = new TreeMap<>(BY_BYTES);
      for (int left = from.readInt(); left > 0; left--) counts.put(from.readUTF(), from.readLong());
      return counts;
    }

    ByteBuffer cell(Object value) {
      SortedMap<String, Long> counts = textCounts(value);
      ByteBuffer[] parts = new ByteBuffer[2 * counts.size()];
      int at = 0;
      for (Map.Entry<String, Long> entry : counts.entrySet()) {
        parts[at++] = text(entry.getKey());
        parts[at++] = varint(entry.getValue());
      }
      return collection(counts.size(), parts);
    }
  },
  /** {@code SortedMap<Integer, Long>}: how often in each hour since 1970. */
  HOUR_COUNTS(Collections.emptySortedMap()) {
    void write(Object value, DataOutput to) throws IOException {
      SortedMap<Integer, Long> counts = hourCounts(value);
      to.writeInt(counts.size());
      for (Map.Entry<Integer, Long> entry : counts.entrySet()) {
        to.writeInt(entry.getKey());
        to.writeLong(entry.getValue());
      }
    }

    Object read(DataInput from) throws IOException {
      SortedMap<Integer, Long> counts = new TreeMap<>();
      for (int left = from.readInt(); left > 0; left--) counts.put(from.readInt(), from.readLong());
      return counts;
    }

    ByteBuffer cell(Object value) {
      SortedMap<Integer, Long> counts = hourCounts(value);
      ByteBuffer[] parts = new ByteBuffer[2 * counts.size()];
      int at = 0;
      for (Map.Entry<Integer, Long> entry : counts.entrySet()) {
        parts[at++] = int64(entry.getKey() * HOUR_MS);
        parts[at++] = varint(entry.getValue());
      }
      return collection(counts.size(), parts);
    }
  };

  static final long HOUR_MS = 3_600_000;

  /** The order of UTF-8 bytes, which is that of Cassandra's texts and not that of Java's. */
  static final Comparator<String> BY_BYTES =
      (a, b) -> Arrays.compareUnsigned(a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));

  /** Null in Cassandra, and a live cell all the same: a real null would be a tombstone. */
  static final ByteBuffer EMPTY = ByteBuffer.allocate(0).asReadOnlyBuffer();

  final Object zero;

  ColumnType(Object zero) {
    this.zero = zero;
  }

  /** Never called with the zero, which is left out. */
  abstract void write(Object value, DataOutput to) throws IOException;

  abstract Object read(DataInput from) throws IOException;

  /** The value as Cassandra's native protocol has it. */
  abstract ByteBuffer cell(Object value);

  static ByteBuffer int64(long value) {
    return ByteBuffer.allocate(8).putLong(0, value);
  }

  private static ByteBuffer varint(long value) {
    return ByteBuffer.wrap(BigInteger.valueOf(value).toByteArray());
  }

  static ByteBuffer text(String value) {
    return ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8));
  }

  private static ByteBuffer collection(int count, ByteBuffer[] parts) {
    int size = 4;
    for (ByteBuffer part : parts) size += 4 + part.remaining();
    ByteBuffer bytes = ByteBuffer.allocate(size).putInt(count);
    for (ByteBuffer part : parts) bytes.putInt(part.remaining()).put(part);
    return bytes.flip();
  }

  @SuppressWarnings("unchecked")
  static SortedMap<String, Long> textCounts(Object value) {
    return (SortedMap<String, Long>) value;
  }

  @SuppressWarnings("unchecked")
  static SortedMap<Integer, Long> hourCounts(Object value) {
    return (SortedMap<Integer, Long>) value;
  }
}
