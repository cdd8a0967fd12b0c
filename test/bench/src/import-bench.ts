import { join } from 'node:path';
import { openCatalog } from '@tidemark/catalog';
import { openSession } from '@tidemark/duckdb';
import { createMapping, importFile, inspectFile } from '@tidemark/ingest';
import { openStorage } from '@tidemark/lake/open';
import { define } from '@tidemark/metrics';
import { systemClock } from '@tidemark/runtime';
import { type Bench, duration, ratioAtMost, scaled } from './bench.ts';
import { importByHand } from './import-by-hand.ts';

const LINES = 5_000_000;
const LIMITS = { memoryLimit: '2GB', threads: 2 };

/**
 * A CSV file of orders into the lake, checked and filed, against DuckDB's own reading of it into Parquet, and beside it against
 * a script that does the same work.
 */
export const importBench: Bench = {
  name: 'import',
  unit: 'ms',
  against: 'read_csv, COPY to Parquet',
  goal: ratioAtMost(2),
  embeddedOnly: true,
  beside: [
    { name: 'import-same-work', unit: 'ms', against: 'SQL by hand: checked, ids, JSON, filed', goal: ratioAtMost(2) },
  ],
  async run(place) {
    const lines = scaled(LINES, place);
    const folder = await place.folder();
    const session = await openSession({ ...LIMITS, tempFolder: join(folder, 'spill') });
    const catalog = await openCatalog(await place.database());
    try {
      const path = join(folder, 'orders.csv');
      await session.connection.run(`COPY (
        SELECT 'order-' || i AS id, 'customer-' || (i * 7919 % ${Math.ceil(lines / 20)}) AS who,
          (i % 500) || '.' || lpad((i % 100)::VARCHAR, 2, '0') AS amount,
          strftime(TIMESTAMP '2026-01-01' + to_seconds(i % 20000000), '%Y-%m-%dT%H:%M:%SZ') AS day
        FROM range(${lines}) t(i)) TO '${path}' (FORMAT csv, HEADER)`);
      const context = {
        storage: await openStorage(join(folder, 'lake')),
        catalog,
        definition: define('USD'),
        clock: systemClock,
        limits: LIMITS,
        onProgress: () => {},
      };
      const mapping = createMapping({
        source: 'orders',
        map: { order_id: 'id', customer_id: 'who', total_amount: 'amount', order_date: 'day' },
      });
      const value = await duration(async () => {
        const { imported } = await importFile(context, await inspectFile(path, {}), mapping);
        if (imported !== lines) throw new Error(`${imported} of ${lines} lines were imported`);
      });
      const baseline = await duration(() =>
        session.connection.run(`COPY (SELECT * FROM read_csv('${path}'))
          TO '${join(folder, 'bare.parquet')}' (FORMAT parquet, COMPRESSION zstd)`),
      );
      return {
        value,
        baseline,
        beside: { 'import-same-work': { value, baseline: await byHand(path, folder, lines) } },
      };
    } finally {
      await catalog.close();
      session.close();
    }
  },
};

/** Milliseconds of the script, in a session like those of an import. */
async function byHand(path: string, folder: string, lines: number): Promise<number> {
  const session = await openSession({ ...LIMITS, tempFolder: join(folder, 'by-hand'), keepsOrder: true });
  try {
    return await duration(async () => {
      const files = { events: join(folder, 'events.parquet'), rows: join(folder, 'rows.parquet') };
      const imported = await importByHand(session, path, files);
      if (imported !== lines) throw new Error(`${imported} of ${lines} lines were imported by hand`);
    });
  } finally {
    session.close();
  }
}
