package tidemark.peer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** The events last seen of a customer, oldest first, by the first eight bytes of the SHA-256 of their ids. */
final class IdWindow {
  private static final int MOST = 1_000;
  private static final int ID_BYTES = 8;
  private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final ThreadLocal<MessageDigest> SHA_256 = ThreadLocal.withInitial(IdWindow::sha256);

  /** All of them, one behind the other. */
  byte[] bytes;

  IdWindow(byte[] bytes) {
    this.bytes = bytes;
  }

  /** Makes an event the newest; false when it was known. */
  boolean enter(String eventId) {
    byte[] digest = SHA_256.get().digest(eventId.getBytes(StandardCharsets.UTF_8));
    long id = (long) LONGS.get(digest, 0);
    int known = indexOf(id);
    // One goes out for the one that comes in: the same one, or the oldest when there are too many.
    int out = known >= 0 ? known : bytes.length < MOST * ID_BYTES ? bytes.length : 0;
    int after = Math.min(bytes.length, out + ID_BYTES);
    byte[] next = new byte[out + bytes.length - after + ID_BYTES];
    System.arraycopy(bytes, 0, next, 0, out);
    System.arraycopy(bytes, after, next, out, bytes.length - after);
    LONGS.set(next, next.length - ID_BYTES, id);
    bytes = next;
    return known < 0;
  }

  private int indexOf(long id) {
    for (int at = 0; at < bytes.length; at += ID_BYTES) if ((long) LONGS.get(bytes, at) == id) return at;
    return -1;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException missing) {
      throw new IllegalStateException(missing);
    }
  }
}
