import { join } from 'node:path';
import { type Session, textLiteral } from '@tidemark/duckdb';
import type { RecomputeRequest } from '@tidemark/engine';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Positions one record number may have: each kind of record of each source has one, and one more for its repeat. */
const SLOTS = 32;
/** How many record numbers later a change, and a repeat, follow what they speak of. */
const CHANGED_AFTER = 1_000;
const REPEATED_AFTER = 500;

type Kind = 'placed' | 'changed' | 'cancelled';

/** Some records of a source: those of the numbers for which `where` holds, each in a slot of its own. */
type Records = {
  readonly kind: Kind;
  readonly slot: number;
  readonly where: string;
  /** The source's own columns, as SQL over the number `i` and its `moment`, UTC ms. */
  readonly fields: string;
};

/**
 * Row files of all sources as landing leaves them, about `events` records in all, of a fiftieth as many customers: with
 * changes and cancels, of keys that were never placed too, keys placed twice, an import that corrects and adds, one record in
 * fifty delivered again with another time, and times at the very end of what windows keep.
 */
export async function writeLandedHistory(
  session: Session,
  folder: string,
  events: number,
  barrierAtMs: number,
): Promise<{ readonly rows: RecomputeRequest['rows']; readonly records: number }> {
  const customers = Math.max(10, Math.round(events / 50));
  const part = (share: number) => Math.ceil(events * share);
  let records = 0;
  const file = async (name: string, select: string) => {
    const location = join(folder, `${name}.parquet`);
    const copy = `COPY (${select}) TO ${textLiteral(location)} (FORMAT parquet, COMPRESSION zstd)`;
    records += (await session.connection.run(copy)).rowsChanged;
    return location;
  };
  const log = async (name: string, numbers: number, kinds: readonly Records[]) => ({
    location: await file(name, logSql(name, numbers, kinds, customers, barrierAtMs)),
    import: null,
  });
  const imported = {
    location: await file('orders-1', importSql(part(0.02), customers, barrierAtMs)),
    import: 1,
  };
  const rows = {
    orders: [await log('orders', part(0.36), ORDERS), imported],
    refunds: [await log('refunds', part(0.03), REFUNDS)],
    support_tickets: [await log('support_tickets', part(0.14), TICKETS)],
    marketing_events: [await log('marketing_events', part(0.28), MARKETING)],
    profiles: [await log('profiles', part(0.04), PROFILES)],
  };
  return { rows, records };
}

const order = (amount: string, cancelled: string): string =>
  `moment AS order_date, (${amount})::BIGINT AS total_amount, ${cancelled} AS cancelled`;

const ORDERS: readonly Records[] = [
  { kind: 'placed', slot: 0, where: 'i % 1000 <> 5', fields: order('i % 50000', 'i % 20 = 0') },
  { kind: 'placed', slot: 1, where: 'i % 400 = 9', fields: order('i % 50000 + 3', 'FALSE') },
  { kind: 'changed', slot: 2, where: 'i % 12 = 5', fields: order('i % 50000 + 100', 'FALSE') },
  { kind: 'cancelled', slot: 3, where: 'i % 18 = 11', fields: order('i % 50000', 'TRUE') },
];

const REFUNDS: readonly Records[] = [
  {
    kind: 'placed',
    slot: 4,
    where: 'TRUE',
    fields: "'orders-' || i AS order_id, (i % 9000)::BIGINT AS amount, moment AS refunded_at",
  },
];

const ticket = (resolved: string): string =>
  `['delivery', 'billing', 'returns', 'other'][1 + i % 4] AS category, ['low', 'medium', 'high', 'urgent'][1 + i // 4 % 4] AS priority,
    moment AS created_date, ${resolved} AS resolved_date`;

const TICKETS: readonly Records[] = [
  { kind: 'placed', slot: 5, where: 'i % 1000 <> 7', fields: ticket('NULL::BIGINT') },
  { kind: 'changed', slot: 6, where: 'i % 5 < 3', fields: ticket(`moment + ${DAY_MS}`) },
];

const MARKETING: readonly Records[] = [
  {
    kind: 'placed',
    slot: 7,
    where: 'TRUE',
    fields: `['email_open', 'email_open', 'email_click', 'campaign_view'][1 + i // 7 % 4] AS engagement,
      'campaign-' || (i * 31 % 211) AS campaign_id, moment AS event_date`,
  },
];

const PROFILES: readonly Records[] = [
  {
    kind: 'placed',
    slot: 8,
    where: 'TRUE',
    fields: `CASE WHEN i % 3 = 1 THEN ['gold', 'silver', NULL][1 + i // 3 % 3] END AS segment, i % 3 = 1 AS segment_present,
      CASE WHEN i % 5 > 1 THEN ['DE', 'FR', 'BR', 'JP'][1 + i % 4] END AS country, i % 5 > 0 AS country_present,
      CASE WHEN i % 7 > 2 THEN (1940 + i % 70)::INTEGER END AS birth_year, i % 7 > 1 AS birth_year_present`,
  },
];

/** Positions go up with the numbers and differ over all sources, as those of a log do; a customer has one partition. */
function logSql(
  source: string,
  numbers: number,
  records: readonly Records[],
  customers: number,
  barrierAtMs: number,
): string {
  const selects = records.map(({ kind, slot, where, fields }) => {
    const number = kind === 'placed' ? 'i' : `i + ${CHANGED_AFTER}`;
    return `SELECT i, c, moment AS occurred_at, (${number}) * ${SLOTS} + ${slot} AS position, '${source}-${slot}-' || i AS event_id,
      '${source}-' || i AS "key", '${kind}' AS kind, ${fields} FROM numbers WHERE ${where}`;
  });
  return `WITH numbers AS (${numbersSql(numbers, customers, barrierAtMs)}),
    records AS (${selects.join('\nUNION ALL ')}),
    delivered AS (SELECT * FROM records UNION ALL BY NAME
      SELECT * REPLACE (position + ${REPEATED_AFTER * SLOTS + SLOTS / 2} AS position, occurred_at + 1 AS occurred_at) FROM records WHERE i % 50 = 11)
  SELECT (1 + position // ${Math.max(1, Math.floor((numbers * SLOTS) / 3))})::INTEGER AS epoch, (c % 4)::INTEGER AS partition,
    position::BIGINT AS position, 'customer-' || c AS customer_id, * EXCLUDE (i, c, position) FROM delivered`;
}

/** Orders that the log has too, with amounts of their own, and as many that it does not have. */
const importSql = (
  numbers: number,
  customers: number,
  barrierAtMs: number,
): string => `WITH numbers AS (${numbersSql(numbers, customers, barrierAtMs)})
  SELECT NULL::INTEGER AS epoch, NULL::INTEGER AS partition, i::BIGINT AS position, 'customer-' || c AS customer_id,
    'imported-' || i AS event_id, moment AS occurred_at, CASE WHEN i % 2 = 0 THEN 'orders-' ELSE 'archived-' END || i AS "key",
    'placed' AS kind, ${order('i % 50000 + 7', 'FALSE')} FROM numbers`;

const numbersSql = (numbers: number, customers: number, barrierAtMs: number): string =>
  `SELECT i, i * 7919 % ${customers} AS c, ${barrierAtMs}::BIGINT - (i % 301) * ${DAY_MS} - (i % 5) * ${5 * HOUR_MS} + i % 3600 * 1000 AS moment FROM range(${numbers}) t(i)`;
