import { utimesSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openSession } from '@tidemark/duckdb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectFile, type RejectedLine, readInput } from './input-file.ts';
import { INPUT } from './input-table.ts';
import { restrict } from './mapping-session.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-csv-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What is read of a file: its hash, the records, the lines that are none; or the error's code. And whether DuckDB read it. */
async function read(name: string, content: Buffer, wanted: readonly string[], sql = `FROM ${INPUT} ORDER BY line`) {
  const path = join(folder, name);
  await writeFile(path, content);
  const limits = { memoryLimit: '256MB', threads: 2, keepsOrder: true };
  const session = await openSession({ ...limits, tempFolder: join(folder, 'spill') });
  try {
    await restrict(session, [path]);
    const rejected: RejectedLine[] = [];
    const onRejected = (line: RejectedLine) => rejected.push(line);
    const sha256 = await readInput(await inspectFile(path, {}), { session, wanted, onRejected, onProgress: () => {} });
    const records = (await session.connection.runAndReadAll(sql)).getRowsJson();
    const views = await session.connection.runAndReadAll('SELECT count(*) FROM duckdb_views() WHERE NOT internal');
    return { found: { sha256, records, rejected }, byDuckDb: views.getRows()[0]?.[0] === 1n };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { found: 'code' in error ? error.code : error.constructor.name, byDuckDb: false };
  } finally {
    session.close();
  }
}

/** The unpacked file may be read by DuckDB, the packed one never is. */
async function bothWays(content: Buffer, wanted: readonly string[]) {
  return { plain: await read('a.csv', content, wanted), packed: await read('a.csv.gz', gzipSync(content), wanted) };
}

const field = fc.string({
  unit: fc.constantFrom('a', '1', ' ', 'é', '🌊', "'", '\\', '#', 'NULL', '\u0085', '\u2028', ';'),
  maxLength: 4,
});
const oddities = ['"', '\r', '\n', '\r\n', '\0', ',', '\ufeff', '\ufffd'];

describe('a delimited file', () => {
  it('is read by DuckDB as it is line by line', async () => {
    let byDuckDb = 0;
    const file = fc.record({
      rows: fc
        .integer({ min: 1, max: 4 })
        .chain((width) =>
          fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 12 }),
        ),
      endsLine: fc.boolean(),
      odd: fc.option(fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(...oddities), fc.constant(null))), { freq: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(file, async ({ rows, endsLine, odd }) => {
        const header = rows[0]?.map((_, index) => `n${index}`).join(',');
        const text = `${header}\n${rows.map((row) => row.join(',')).join('\n')}${endsLine ? '\n' : ''}`;
        const bytes = Buffer.from(text);
        const at = odd ? odd[0] % bytes.length : 0;
        const between = odd ? Buffer.from(odd[1] ?? [0xe9]) : Buffer.alloc(0);
        const content = Buffer.concat([bytes.subarray(0, at), between, bytes.subarray(at)]);
        const { plain, packed } = await bothWays(content, rows[0]?.length === 1 ? ['n0'] : ['n1', 'n0']);
        if (plain.byDuckDb) byDuckDb++;
        expect(plain.found).toEqual(packed.found);
      }),
      { seed: Number(process.env.TIDEMARK_SEED ?? Date.now() % 1e9), numRuns: 100 },
    );
    expect(byDuckDb).toBeGreaterThan(20);
  });

  it.each(['a.csv', 'a.csv.gz'])('%s is refused when it changes while it is read', async (name) => {
    const path = join(folder, name);
    const content = Buffer.from('n0\n1\n');
    await writeFile(path, name.endsWith('.gz') ? gzipSync(content) : content);
    const session = await openSession({ memoryLimit: '256MB', threads: 2, tempFolder: join(folder, 'spill') });
    try {
      await restrict(session, [path]);
      const onProgress = () => utimesSync(path, 1, 1);
      const options = { session, wanted: ['n0'], onRejected: () => {}, onProgress };
      await expect(readInput(await inspectFile(path, {}), options)).rejects.toThrow('changed while it was read');
    } finally {
      session.close();
    }
  });

  it('keeps the lines in their order, however many read it', async () => {
    const lines = Array.from({ length: 400_000 }, (_, index) => `${index + 2},${'x'.repeat(index % 90)}`);
    const content = Buffer.from(`line,x\n${lines.join('\n')}\n`);
    const astray = `SELECT count(*), count(*) FILTER (line::VARCHAR <> c0) FROM ${INPUT}`;
    const { found, byDuckDb } = await read('a.csv', content, ['line'], astray);
    expect(byDuckDb).toBe(true);
    expect(found).toMatchObject({ records: [[String(lines.length), '0']] });
  });

  it.each([
    ['of nothing but a header', 'n0,n1\n'],
    ['of a header that does not end', 'n0,n1'],
    ['of one column', 'n0\n1\n2'],
    ['with an empty field too many', 'n0,n1\n1,2,\n3,4\n'],
    ['with a field too few beside it', 'n0,n1\n1,2,\n3\n'],
    ['that is empty', ''],
    ['of a line that is longer than most', `n0,n1\n${'x'.repeat(3_000_000)},1\n`],
  ])('%s is no other', async (_, content) => {
    const { plain, packed } = await bothWays(Buffer.from(content), ['n0']);
    expect(plain.found).toEqual(packed.found);
  });
});
