import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession, type Session, textLiteral } from '@tidemark/duckdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStorage } from './open.ts';
import { ParquetWriter } from './parquet-writer.ts';
import type { LakeStorage } from './port.ts';

/** Several of DuckDB's row groups, so that both threads read and write. */
const ROWS = 500_000;

let folder: string;
let storage: LakeStorage;
let sessions: ReadonlyMap<boolean, Session>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-parquet-'));
  storage = await openStorage(join(folder, 'lake'));
  const limits = { memoryLimit: '512MB', threads: 2, tempFolder: join(folder, 'spill') };
  sessions = new Map([
    [true, await openSession({ ...limits, keepsOrder: true })],
    [false, await openSession(limits)],
  ]);
});

afterAll(async () => {
  for (const session of sessions.values()) session.close();
  await rm(folder, { recursive: true });
});

/** How many rows of the file stand before a lower one, and how many there are. */
async function astray(session: Session, path: string): Promise<unknown> {
  const reader = await session.connection.runAndReadAll(
    `SELECT count(*) FILTER (position < before), count(*) FROM (
       SELECT position, lag(position) OVER (ORDER BY file_row_number) AS before
       FROM read_parquet(${textLiteral(storage.locate(path))}, file_row_number = true))`,
  );
  return reader.getRows()[0]?.map(Number);
}

const columns = [
  { name: 'position', type: 'BIGINT' },
  { name: 'text', type: 'VARCHAR' },
];

const ORDERS: readonly (readonly [string, (n: number) => number])[] = [
  ['ascending', (n) => n],
  ['descending', (n) => ROWS - n],
  ['with one too early', (n) => (n === ROWS - 1 ? 7 : n)],
];

describe.each([true, false])('in a session of which it is %s that it keeps the order', (keepsOrder) => {
  const session = () => sessions.get(keepsOrder) ?? expect.fail('no session');

  it.each(ORDERS)('writes rows that were appended %s in their order', async (name, positionOf) => {
    const writer = await ParquetWriter.open(session(), columns, 'position');
    for (let n = 0; n < ROWS; n++) writer.append([BigInt(positionOf(n)), `text ${n}`]);
    await writer.remove('SELECT unnest(range(1000, 90000))');
    const file = await writer.finish(storage, `events/${keepsOrder} ${name}.parquet`);
    expect(file?.rows).toBe(ROWS - 89_000);
    expect(await astray(session(), file?.path ?? '')).toEqual([0, ROWS - 89_000]);
  });

  it('writes the rows of a query in the order that it has them', async () => {
    const source = `SELECT range AS position, 'text ' || range AS text FROM range(${ROWS})`;
    const path = join(folder, 'source.parquet');
    await session().connection.run(`COPY (${source} ORDER BY range) TO ${textLiteral(path)} (FORMAT parquet)`);
    const writer = await ParquetWriter.open(session(), columns, 'position');
    writer.appendQuery(`SELECT position, text FROM read_parquet(${textLiteral(path)})`);
    const file = await writer.finish(storage, `events/${keepsOrder} query.parquet`);
    expect(await astray(session(), file?.path ?? '')).toEqual([0, ROWS]);
  });
});
