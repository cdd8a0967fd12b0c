package tidemark.peer;

import static tidemark.peer.Column.*;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;

/** All that is known of a customer from one partition: the measures, the ids that a repeat is told by, and how far it goes. */
final class CustomerState {
  /** Offset of the last event in it; -1 before the first. */
  long lastOffset = -1;
  final IdWindow ids;
  final Object[] values;

  CustomerState() {
    this(new IdWindow(new byte[0]), new Object[Column.ALL.length]);
    for (Column column : Column.ALL) values[column.ordinal()] = column.type.zero;
  }

  CustomerState(IdWindow ids, Object[] values) {
    this.ids = ids;
    this.values = values;
  }

  /** A repeat only makes its id the newest one again. */
  void fold(Event event, long offset) {
    lastOffset = offset;
    if (ids.enter(event.id())) apply(event);
  }

  private void apply(Event event) {
    switch (event.type()) {
      case "order_placed" -> replaceOrder(null, event.order());
      case "order_changed" -> replaceOrder(event.order("before"), event.order("after"));
      case "order_cancelled" -> {
        Event.Order order = event.order();
        replaceOrder(order.withCancelled(false), order.withCancelled(true));
      }
      case "refund_issued", "large_refund" -> {
        add(REFUNDS_TOTAL, event.money("amount"));
        add(REFUND_COUNT, 1);
        add(REFUNDS_ROWS, 1);
      }
      case "support_ticket_created" -> openTicket(event);
      case "support_ticket_resolved" -> {
        // Whatever else the two tickets are counted by is the same before and after.
        add(OPEN_TICKETS, -1);
        add(SUPPORT_TICKETS_ROWS, 1);
      }
      case "email_open" -> engage(event, EMAIL_OPENS, EMAIL_OPENS_30D_BY_HOUR);
      case "email_click" -> engage(event, EMAIL_CLICKS, EMAIL_CLICKS_30D_BY_HOUR);
      case "campaign_view" -> engage(event, CAMPAIGN_VIEWS, CAMPAIGN_VIEWS_30D_BY_HOUR);
      case "customer_profile_updated" -> {
        if (event.has("segment")) latest(SEGMENT, event.textOrNull("segment"), event);
        if (event.has("country")) latest(COUNTRY, event.textOrNull("country"), event);
        if (event.has("birth_year")) latest(BIRTH_YEAR, event.intOrNull("birth_year"), event);
      }
      default -> throw new IllegalArgumentException("event_type " + event.type());
    }
  }

  /** What of the two is the same stays untouched; an extreme that is taken back is remembered as such. */
  private void replaceOrder(Event.Order minus, Event.Order plus) {
    boolean taken = minus != null && !minus.cancelled();
    boolean kept = !plus.cancelled();
    if (taken) add(TOTAL_REVENUE, minus.amount().negate());
    if (kept) add(TOTAL_REVENUE, plus.amount());
    add(ORDER_COUNT, (kept ? 1 : 0) - (taken ? 1 : 0));
    add(CANCELLED_ORDERS, (kept ? 0 : 1) - (minus != null && minus.cancelled() ? 1 : 0));
    boolean sameDate = taken && kept && minus.date() == plus.date();
    if (taken && !sameDate) {
      earliest(FIRST_ORDER_DATE_TAKEN, minus.date());
      newest(LAST_ORDER_DATE_TAKEN, minus.date());
    }
    if (kept && !sameDate) {
      earliest(FIRST_ORDER_DATE, plus.date());
      newest(LAST_ORDER_DATE, plus.date());
    }
    add(ORDERS_ROWS, 1);
  }

  private void openTicket(Event event) {
    long created = event.timeOr("created_date", event.occurredAt());
    String priority = event.text("priority");
    add(TICKETS_TOTAL, 1);
    add(OPEN_TICKETS, 1);
    countHour(TICKETS_30D_BY_HOUR, created);
    if (priority.equals("high") || priority.equals("urgent")) countHour(HIGH_PRIORITY_TICKETS_30D_BY_HOUR, created);
    countText(TICKETS_BY_CATEGORY, event.text("category"));
    newest(LAST_TICKET_DATE, created);
    add(SUPPORT_TICKETS_ROWS, 1);
  }

  private void engage(Event event, Column total, Column byHour) {
    long date = event.timeOr("event_date", event.occurredAt());
    add(total, 1);
    countHour(byHour, date);
    insert(CAMPAIGNS_ENGAGED, event.text("campaign_id"));
    newest(LAST_ENGAGEMENT_DATE, date);
  }

  private void add(Column column, long amount) {
    if (amount != 0) values[column.ordinal()] = (Long) values[column.ordinal()] + amount;
  }

  private void add(Column column, BigInteger amount) {
    values[column.ordinal()] = ((BigInteger) values[column.ordinal()]).add(amount);
  }

  private void earliest(Column column, long time) {
    Long known = (Long) values[column.ordinal()];
    if (known == null || time < known) values[column.ordinal()] = time;
  }

  private void newest(Column column, long time) {
    Long known = (Long) values[column.ordinal()];
    if (known == null || time > known) values[column.ordinal()] = time;
  }

  private void countHour(Column column, long time) {
    SortedMap<Integer, Long> counts = ColumnType.hourCounts(values[column.ordinal()]);
    if (counts == column.type.zero) values[column.ordinal()] = counts = new TreeMap<>();
    counts.merge((int) (time / ColumnType.HOUR_MS), 1L, Long::sum);
  }

  private void countText(Column column, String text) {
    SortedMap<String, Long> counts = ColumnType.textCounts(values[column.ordinal()]);
    if (counts == column.type.zero) values[column.ordinal()] = counts = new TreeMap<>(ColumnType.BY_BYTES);
    counts.merge(text, 1L, Long::sum);
  }

  private void insert(Column column, String text) {
    String[] texts = (String[]) values[column.ordinal()];
    int at = Arrays.binarySearch(texts, text, ColumnType.BY_BYTES);
    if (at >= 0) return;
    String[] more = new String[texts.length + 1];
    System.arraycopy(texts, 0, more, 0, -at - 1);
    more[-at - 1] = text;
    System.arraycopy(texts, -at - 1, more, -at, texts.length + at + 1);
    values[column.ordinal()] = more;
  }

  /** By (time, id): of the three columns in a row. */
  private void latest(Column column, Object value, Event event) {
    int at = column.ordinal();
    Long known = (Long) values[at + 1];
    if (known != null) {
      int order = Long.compare(event.occurredAt(), known);
      if (order == 0) order = ColumnType.BY_BYTES.compare(event.id(), (String) values[at + 2]);
      if (order <= 0) return;
    }
    values[at] = value;
    values[at + 1] = event.occurredAt();
    values[at + 2] = event.id();
  }
}
