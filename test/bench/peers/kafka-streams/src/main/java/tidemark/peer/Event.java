package tidemark.peer;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.OffsetDateTime;

/** An event as it comes on the wire. Its accessors throw where the contract is broken. */
record Event(JsonNode wire, String id, String type, long occurredAt) {
  private static final ObjectReader READER =
      JsonMapper.builder()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build()
          .readerFor(JsonNode.class);
  private static final int MINOR_DIGITS = 2;

  /** Null when the bytes are no event. */
  static Event parse(byte[] bytes) {
    try {
      JsonNode wire = READER.readValue(bytes);
      return new Event(wire, textOf(wire, "event_id"), textOf(wire, "event_type"), time(textOf(wire, "occurred_at")));
    } catch (IOException | RuntimeException broken) {
      return null;
    }
  }

  record Order(long date, BigInteger amount, boolean cancelled) {
    Order withCancelled(boolean isCancelled) {
      return new Order(date, amount, isCancelled);
    }
  }

  Order order() {
    return orderOf(wire);
  }

  Order order(String field) {
    return orderOf(wire.get(field));
  }

  boolean has(String field) {
    return wire.has(field);
  }

  String text(String field) {
    return textOf(wire, field);
  }

  String textOrNull(String field) {
    return wire.get(field).textValue();
  }

  Integer intOrNull(String field) {
    JsonNode value = wire.get(field);
    return value.isNull() ? null : Integer.valueOf(value.intValue());
  }

  long timeOr(String field, long otherwise) {
    return wire.has(field) ? time(textOf(wire, field)) : otherwise;
  }

  BigInteger money(String field) {
    return moneyOf(wire, field);
  }

  private Order orderOf(JsonNode body) {
    JsonNode status = body.get("status");
    long date = body.has("order_date") ? time(textOf(body, "order_date")) : occurredAt;
    return new Order(date, moneyOf(body, "total_amount"), status != null && status.textValue().equalsIgnoreCase("cancelled"));
  }

  private static String textOf(JsonNode node, String field) {
    String text = node.path(field).textValue();
    if (text == null) throw new IllegalArgumentException(field);
    return text;
  }

  private static BigInteger moneyOf(JsonNode node, String field) {
    JsonNode value = node.get(field);
    BigDecimal amount = value.isTextual() ? new BigDecimal(value.textValue()) : value.decimalValue();
    return amount.movePointRight(MINOR_DIGITS).toBigIntegerExact();
  }

  private static long time(String text) {
    return OffsetDateTime.parse(text).toInstant().toEpochMilli();
  }
}
