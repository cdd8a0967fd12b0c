import { join } from 'node:path';
import { openSession } from '@tidemark/duckdb';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { define } from '@tidemark/metrics';
import { type Bench, rate, ratioAtLeast, scaled } from './bench.ts';

const BARRIER_MS = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;

const ENVELOPE = (customers: number, kind: string) => `NULL::INTEGER AS import, 1::INTEGER AS epoch,
  (i % 4)::INTEGER AS partition, i::BIGINT AS position, 'customer-' || (i * 7919 % ${customers}) AS customer_id,
  '${kind}-' || i AS event_id, ${BARRIER_MS}::BIGINT - (i % 300) * ${DAY_MS} AS occurred_at, '${kind}-' || i AS "key",
  'placed' AS kind`;

/** The full recompute of every metric, against the SQL a person would write for the same metrics over the same files. */
export const recomputeBench: Bench = {
  name: 'recompute',
  unit: 'events/s',
  against: 'one hand-written SQL',
  goal: ratioAtLeast(1 / 1.2),
  embeddedOnly: true,
  async run(place) {
    const events = scaled(10_000_000, place);
    const customers = Math.max(10, Math.round(events / 50));
    const folder = await place.folder();
    const limits = { memoryLimit: '2GB', threads: 2, tempFolder: join(folder, 'spill') };
    const session = await openSession(limits);
    const engine = openDuckDbEngine(limits);
    try {
      const file = async (name: string, select: string) => {
        const location = join(folder, `${name}.parquet`);
        await session.connection.run(`COPY (${select}) TO '${location}' (FORMAT parquet, COMPRESSION zstd)`);
        return location;
      };
      const half = Math.ceil(events / 2);
      const orders = await file(
        'orders',
        `SELECT ${ENVELOPE(customers, 'order')}, ${BARRIER_MS}::BIGINT - (i % 300) * ${DAY_MS} AS order_date,
          (i % 50000)::BIGINT AS total_amount, i % 20 = 0 AS cancelled FROM range(${half}) t(i)`,
      );
      const tickets = await file(
        'tickets',
        `SELECT ${ENVELOPE(customers, 'ticket')}, 'delivery' AS category,
          CASE WHEN i % 5 = 0 THEN 'high' ELSE 'low' END AS priority, ${BARRIER_MS}::BIGINT - (i % 300) * ${DAY_MS} AS created_date,
          NULL::BIGINT AS resolved_date FROM range(${events - half}) t(i)`,
      );

      const value = await rate(events, () =>
        engine.recompute({
          currency: 'USD',
          definitionId: define('USD').id,
          barrierAtMs: BARRIER_MS,
          rows: {
            orders: [{ location: orders, import: null }],
            support_tickets: [{ location: tickets, import: null }],
          },
          snapshot: join(folder, 'snapshot.parquet'),
        }),
      );
      const baseline = await rate(events, () => session.connection.run(byHand(orders, tickets, folder)));
      return { value, baseline };
    } finally {
      await engine.close();
      session.close();
    }
  },
};

/** First record of an event id, then first record of a key, then the sums: no lineage, no windows by hour, no states. */
const byHand = (orders: string, tickets: string, folder: string): string => `COPY (
  WITH o AS (
    SELECT customer_id, count(*) FILTER (WHERE NOT cancelled) AS order_count, count(*) FILTER (WHERE cancelled) AS cancelled_orders,
      sum(total_amount) FILTER (WHERE NOT cancelled) AS total_revenue, min(order_date) AS first_order, max(order_date) AS last_order
    FROM (SELECT customer_id, key, arg_min(total_amount, position) AS total_amount, arg_min(cancelled, position) AS cancelled,
        arg_min(order_date, position) AS order_date
      FROM '${orders}' GROUP BY customer_id, key) GROUP BY customer_id),
  t AS (
    SELECT customer_id, count(*) AS tickets, count(*) FILTER (WHERE resolved_date IS NULL) AS open_tickets,
      count(*) FILTER (WHERE created_date > ${BARRIER_MS - 30 * DAY_MS}) AS tickets_30d,
      count(*) FILTER (WHERE priority IN ('high', 'urgent') AND created_date > ${BARRIER_MS - 30 * DAY_MS}) AS high_30d,
      max(created_date) AS last_ticket
    FROM (SELECT customer_id, key, arg_min(resolved_date, position) AS resolved_date, arg_min(created_date, position) AS created_date,
        arg_min(priority, position) AS priority
      FROM '${tickets}' GROUP BY customer_id, key) GROUP BY customer_id)
  SELECT * FROM o FULL JOIN t USING (customer_id) ORDER BY customer_id
) TO '${join(folder, 'by-hand.parquet')}' (FORMAT parquet)`;
