import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession, type Session, textLiteral } from '@tidemark/duckdb';
import { define } from '@tidemark/metrics';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RecomputeRequest, RowFile } from '../index.ts';
import { openDuckDbEngine } from './index.ts';

const SEED = Number(process.env.TIDEMARK_SEED ?? Date.now() % 1_000_000);
const barrierAtMs = Date.UTC(2026, 0, 15);
const definition = define('USD');
const limits = { memoryLimit: '512MB', threads: 2 };

let folder: string;
let session: Session;
let rows: RecomputeRequest['rows'];

beforeAll(async () => {
  console.log(`slices: TIDEMARK_SEED=${SEED}`);
  folder = await mkdtemp(join(tmpdir(), 'tidemark-slices-'));
  session = await openSession({ ...limits, tempFolder: join(folder, 'spill') });
  await session.connection.run(`SELECT setseed(${(SEED % 1_000) / 1_000})`);
  rows = {
    orders: [await file('orders', 2_000, ORDER), { ...(await file('imported', 300, ORDER, 'NULL')), import: 1 }],
    support_tickets: [await file('tickets', 500, TICKET)],
    // Of one customer alone: most slices have none.
    refunds: [await file('refunds', 5, REFUND)],
  };
});

afterAll(async () => {
  session.close();
  await rm(folder, { recursive: true });
});

const ORDER = `${barrierAtMs}::BIGINT - i * 40000000 AS order_date, (i % 90)::BIGINT AS total_amount, i % 9 = 0 AS cancelled`;
const TICKET = `['a', 'b', '__proto__'][1 + i % 3] AS category, 'high' AS priority, ${barrierAtMs}::BIGINT - i * 40000000 AS created_date,
  NULL::BIGINT AS resolved_date`;
const REFUND = `'k-' || i AS order_id, (i % 7)::BIGINT AS amount, ${barrierAtMs}::BIGINT AS refunded_at`;

let positions = 0;

/** Rows of which a third are one customer's, with keys and ids that come again, of the same customer and of others. */
async function file(name: string, count: number, fields: string, place = '0'): Promise<RowFile> {
  const location = join(folder, `${name}.parquet`);
  // A place in the log is one record's, whatever its source.
  const first = positions;
  positions += count;
  const customer = `CASE WHEN ${name === 'refunds'} OR random() < 0.33 THEN 'it''s busy' ELSE ['c-', 'ü', '😀', ''][1 + (random() * 3)::INT] || (random() * 80)::INT END`;
  await session.connection.run(`COPY (
    SELECT ${place}::INTEGER AS epoch, ${place}::INTEGER AS partition, (${first} + i)::BIGINT AS position, ${customer} AS customer_id,
      'e-' || (random() * ${count})::INT AS event_id, i::BIGINT AS occurred_at, 'k-' || (random() * 40)::INT AS "key",
      ['placed', 'changed', 'cancelled'][1 + (random() * 2)::INT] AS kind, ${fields} FROM range(${count}) t(i)
  ) TO ${textLiteral(location)} (FORMAT parquet)`);
  return { location, import: null };
}

it.each([20, 1_500])(
  'a history that is worked on %i rows at once has the states of one that is worked on whole',
  async (rowsAtOnce) => {
    const tempFolder = join(folder, `at-once-${rowsAtOnce}`);
    const [whole, sliced] = [
      openDuckDbEngine({ ...limits, tempFolder }),
      openDuckDbEngine({ ...limits, tempFolder, rowsAtOnce }),
    ];
    try {
      const request = { currency: 'USD', definitionId: definition.id, barrierAtMs, rows };
      const [one, many] = [join(tempFolder, 'whole.parquet'), join(tempFolder, 'sliced.parquet')];
      const { customers } = await whole.recompute({ ...request, snapshot: one });
      const steps: string[] = [];
      expect((await sliced.recompute({ ...request, snapshot: many }, (step) => steps.push(step))).customers).toBe(
        customers,
      );
      expect(steps.filter((step) => step === 'snapshot').length).toBeGreaterThan(1);
      expect(await table(`SELECT * FROM ${read(one)} EXCEPT ALL SELECT * FROM ${read(many)}`)).toEqual([]);
      expect(await table(`SELECT count(*) FROM ${read(many)}`)).toEqual([[BigInt(customers)]]);
      const ids = (await table(`SELECT customer_id FROM ${read(many)}`)).map(([id]) => id);
      expect(ids).toEqual((await table(`SELECT customer_id FROM ${read(one)}`)).map(([id]) => id));
      expect((await readdir(tempFolder)).filter((name) => name.startsWith('recompute-'))).toEqual([]);
    } finally {
      await whole.close();
      await sliced.close();
    }
  },
);

const read = (path: string): string => `read_parquet(${textLiteral(path)})`;
const table = async (sql: string) => (await session.connection.runAndReadAll(sql)).getRows();
