import { textLiteral } from '@tidemark/duckdb';
import type { RecomputeRequest } from '@tidemark/engine';

const HOUR_MS = 3_600_000;

/** Of each source the columns that states are made from, beside a row's place and its ids. */
const COLUMNS = {
  orders: 'key, kind, order_date, total_amount, cancelled',
  refunds: 'key, kind, amount',
  support_tickets: 'key, kind, category, priority, created_date, resolved_date',
  marketing_events: 'engagement, campaign_id, event_date',
  profiles: 'occurred_at, segment, segment_present, country, country_present, birth_year, birth_year_present',
} as const;

type SourceName = keyof typeof COLUMNS;
const SOURCES = Object.keys(COLUMNS).filter((name): name is SourceName => name in COLUMNS);

/** The total order of history: imports by number and row, then the log by epoch, partition and offset. */
const PLACE = 'in_log, major, minor, position';

/**
 * One statement, as somebody would write it who knows the metrics: every customer's states from the landed rows of all
 * sources, into a Parquet file. `oldestHour`: windows keep what is after it.
 */
export function recomputeByHand(rows: RecomputeRequest['rows'], oldestHour: number, to: string): string {
  const hours = (date: string, where = 'TRUE') =>
    `coalesce(histogram((${date} // ${HOUR_MS})::INTEGER) FILTER (${date} // ${HOUR_MS} > ${oldestHour} AND ${where}), ${NO_HOURS})`;
  const engaged = (kind: string, name: string) =>
    `count(*) FILTER (engagement = '${kind}') AS ${name}, ${hours('event_date', `engagement = '${kind}'`)} AS ${name}_30d_by_hour`;
  return `COPY (
    WITH ${SOURCES.map((source) => `${source}_landed AS (${landed(rows[source] ?? [], COLUMNS[source])})`).join(',\n')},
    ids AS (${SOURCES.map((source) => `SELECT customer_id, event_id, ${PLACE} FROM ${source}_landed`).join(' UNION ALL ')}),
    repeats AS (
      SELECT ${PLACE} FROM ids SEMI JOIN (
        SELECT hash(customer_id, event_id) AS id FROM ids GROUP BY id HAVING count(*) > 1) shared
        ON hash(ids.customer_id, ids.event_id) = shared.id
      QUALIFY row_number() OVER (PARTITION BY customer_id, event_id ORDER BY ${PLACE}) > 1),
    ${SOURCES.map((source) => `${source}_once AS (SELECT * FROM ${source}_landed ANTI JOIN repeats USING (${PLACE}))`).join(',\n')},
    order_states AS (
      SELECT customer_id, coalesce(sum(total_amount) FILTER (NOT cancelled), 0) AS total_revenue,
        count(*) FILTER (NOT cancelled) AS order_count, count(*) FILTER (cancelled) AS cancelled_orders,
        epoch_ms(min(order_date) FILTER (NOT cancelled)) AS first_order_date,
        epoch_ms(max(order_date) FILTER (NOT cancelled)) AS last_order_date, count(*) FILTER (unmatched) AS orders_unmatched
      FROM (${consolidated('orders_once')}) GROUP BY customer_id),
    refund_states AS (
      SELECT customer_id, sum(amount) AS refunds_total, count(*) AS refund_count, count(*) FILTER (unmatched) AS refunds_unmatched
      FROM (${consolidated('refunds_once')}) GROUP BY customer_id),
    ticket_states AS (
      SELECT customer_id, count(*) AS tickets_total, count(*) FILTER (resolved_date IS NULL) AS open_tickets,
        histogram(category) AS tickets_by_category, ${hours('created_date')} AS tickets_30d_by_hour,
        ${hours('created_date', "priority IN ('high', 'urgent')")} AS high_priority_tickets_30d_by_hour,
        epoch_ms(max(created_date)) AS last_ticket_date, count(*) FILTER (unmatched) AS support_tickets_unmatched
      FROM (${consolidated('support_tickets_once')}) GROUP BY customer_id),
    marketing_states AS (
      SELECT customer_id, ${engaged('email_open', 'email_opens')}, ${engaged('email_click', 'email_clicks')},
        ${engaged('campaign_view', 'campaign_views')}, list_sort(list(DISTINCT campaign_id)) AS campaigns_engaged,
        epoch_ms(max(event_date)) AS last_engagement_date
      FROM marketing_events_once GROUP BY customer_id),
    profile_states AS (
      SELECT customer_id, ${PROFILE_FIELDS.map(newest).join(', ')} FROM profiles_once GROUP BY customer_id)
    SELECT customer_id, ${FINISHED.join(', ')}
    FROM order_states FULL JOIN refund_states USING (customer_id) FULL JOIN ticket_states USING (customer_id)
      FULL JOIN marketing_states USING (customer_id) FULL JOIN profile_states USING (customer_id)
  ) TO ${textLiteral(to)} (FORMAT parquet, COMPRESSION zstd)`;
}

function landed(files: RecomputeRequest['rows'][string], columns: string): string {
  const parts = files.map(({ location, import: number }) => {
    const place =
      number === null
        ? 'TRUE AS in_log, epoch AS major, partition AS minor, position'
        : `FALSE AS in_log, ${number} AS major, 0 AS minor, position`;
    return `SELECT customer_id, event_id, ${columns}, ${place} FROM read_parquet(${textLiteral(location)})`;
  });
  return parts.join(' UNION ALL ');
}

/** Of each key one row: the last change in the log, else the last import, else the first placement. */
const consolidated = (rows: string): string => `
  SELECT *, bool_and(kind <> 'placed') OVER (PARTITION BY customer_id, key) AS unmatched FROM ${rows}
  QUALIFY row_number() OVER (PARTITION BY customer_id, key ORDER BY
    in_log AND kind <> 'placed' DESC, CASE WHEN NOT in_log THEN major END DESC NULLS LAST, kind <> 'placed' DESC,
    ${['major', 'minor', 'position'].map((place) => `CASE WHEN in_log AND kind = 'placed' THEN -${place} ELSE ${place} END DESC`).join(', ')}) = 1`;

const PROFILE_FIELDS = ['segment', 'country', 'birth_year'];

const newest = (field: string): string =>
  `arg_max({value: ${field}, moment: occurred_at, id: event_id}, (occurred_at, event_id)) FILTER (${field}_present) AS ${field}_said`;

const NO_HOURS = 'MAP([]::INTEGER[], []::UBIGINT[])';
const NO_TEXTS = 'MAP([]::VARCHAR[], []::UBIGINT[])';

/** Who has no rows of a source has zeros there. */
const FINISHED = [
  ...[
    ...['total_revenue', 'order_count', 'cancelled_orders', 'orders_unmatched', 'refunds_total', 'refund_count'],
    ...['refunds_unmatched', 'tickets_total', 'open_tickets', 'support_tickets_unmatched'],
    ...['email_opens', 'email_clicks', 'campaign_views'],
  ].map((name) => `coalesce(${name}, 0) AS ${name}`),
  ...['tickets_30d', 'high_priority_tickets_30d', 'email_opens_30d', 'email_clicks_30d', 'campaign_views_30d'].map(
    (name) => `coalesce(${name}_by_hour, ${NO_HOURS}) AS ${name}_by_hour`,
  ),
  `coalesce(tickets_by_category, ${NO_TEXTS}) AS tickets_by_category`,
  'coalesce(campaigns_engaged, []) AS campaigns_engaged',
  ...['first_order_date', 'last_order_date', 'last_ticket_date', 'last_engagement_date'],
  ...PROFILE_FIELDS.flatMap((field) => [
    `${field}_said.value AS ${field}`,
    `epoch_ms(${field}_said.moment) AS ${field}_at`,
    `${field}_said.id AS ${field}_event_id`,
  ]),
];
