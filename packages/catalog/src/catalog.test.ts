import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { openPool } from '@tidemark/postgres';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Catalog, openCatalog } from './catalog.ts';
import type { Drift } from './port.ts';
import type { BeginRun } from './runs.ts';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let catalogs: Catalog[] = [];

beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(async () => {
  await Promise.all(catalogs.map((catalog) => catalog.close()));
  catalogs = [];
  await database.drop();
});

async function open(): Promise<Catalog> {
  const catalog = await openCatalog(database.url);
  catalogs.push(catalog);
  return catalog;
}

/** Statements from outside, as a later version or a person in psql would send them. */
async function outside(sql: string): Promise<void> {
  const pool = openPool(database.url, { applicationName: 'outside' });
  await pool.query(sql).finally(() => pool.end());
}

const AT = Date.UTC(2024, 1, 29, 12, 34, 56, 789);
const SNAPSHOT = { path: 'snapshots/1', sha256: 'aa' };

const begin = (change: Partial<BeginRun> = {}): BeginRun => ({
  definition: 'one',
  partitions: [0, 1, 2, 3],
  atMs: AT,
  above: 0,
  lastImport: async () => 0,
  ...change,
});

describe('its tables', () => {
  test('are made once, by however many that start at once', async () => {
    const opened = await Promise.all([open(), open(), open(), open()]);
    for (const catalog of opened) expect(await catalog.runs({ limit: 10 })).toEqual([]);
    await opened[0]?.beginRun(begin());
    expect(await (await open()).runs({ limit: 10 })).toHaveLength(1);
  });

  test('of a later version are refused', async () => {
    await open();
    await outside("INSERT INTO tidemark_catalog.migrations (name, run_on) VALUES ('9999_later', now())");
    await expect(openCatalog(database.url)).rejects.toMatchObject({ code: 'TIDEMARK_CATALOG_NEWER' });
  });
});

describe('a run', () => {
  test('reads back whole, step by step', async () => {
    const catalog = await open();
    const run = await catalog.beginRun(begin({ lastImport: async () => 3 }));
    expect(run).toEqual({
      generation: 1,
      definition: 'one',
      status: 'running',
      partitions: [0, 1, 2, 3],
      imports: 3,
      barrierAtMs: AT,
      cut: null,
      beganPublishingAtMs: null,
      publishedAtMs: null,
      base: null,
      excluded: null,
      snapshot: null,
      reason: null,
      steps: [],
    });
    const cut = new Map([
      [0, 2n ** 60n],
      [10, 0n],
    ]);
    await catalog.startStep(1, 'barrier', AT + 1);
    await catalog.endStep(1, 'barrier', AT + 2, { records: '9223372036854775807' });
    await catalog.startStep(1, 'land', AT + 3);
    await catalog.updateRun(1, { cut, snapshot: SNAPSHOT, reason: 'none' });
    await catalog.updateRun(1, { status: 'kept', reason: 'publishing is paused' });
    expect(await catalog.markBegan(1, SNAPSHOT.sha256, AT + 4)).toBe(true);
    expect(await catalog.markBegan(1, SNAPSHOT.sha256, AT + 5)).toBe(true);
    await catalog.markPublished(1, { atMs: AT + 6, base: null, excluded: [] });
    expect(await catalog.run(1)).toEqual({
      ...run,
      status: 'published',
      cut,
      snapshot: SNAPSHOT,
      beganPublishingAtMs: AT + 4,
      publishedAtMs: AT + 6,
      excluded: [],
      steps: [
        { name: 'barrier', startedAtMs: AT + 1, endedAtMs: AT + 2, counts: { records: '9223372036854775807' } },
        { name: 'land', startedAtMs: AT + 3, endedAtMs: null, counts: {} },
      ],
    });
    await catalog.updateRun(1, { snapshot: null });
    expect((await catalog.run(1))?.snapshot).toBeNull();
  });

  test('that is started again starts its step again', async () => {
    const catalog = await open();
    await catalog.beginRun(begin());
    await catalog.startStep(1, 'land', AT);
    await catalog.endStep(1, 'land', AT + 1, { rows: 5 });
    await catalog.startStep(1, 'land', AT + 2);
    expect((await catalog.run(1))?.steps).toEqual([{ name: 'land', startedAtMs: AT + 2, endedAtMs: null, counts: {} }]);
  });

  test('that is not there is an error to change, and null to ask for', async () => {
    const catalog = await open();
    expect(await catalog.run(7)).toBeNull();
    const missing = { code: 'TIDEMARK_CATALOG_NO_RUN' };
    await expect(catalog.updateRun(7, { status: 'failed' })).rejects.toMatchObject(missing);
    await expect(catalog.startStep(7, 'land', AT)).rejects.toMatchObject(missing);
    await expect(catalog.endStep(7, 'land', AT, {})).rejects.toMatchObject(missing);
    await expect(catalog.markBegan(7, SNAPSHOT.sha256, AT)).rejects.toMatchObject(missing);
    await expect(catalog.markPublished(7, { atMs: AT, base: null, excluded: [] })).rejects.toMatchObject(missing);
  });

  test('has a number above all that was ever seen, and never one used twice', async () => {
    const catalogs = await Promise.all([open(), open()]);
    expect((await catalogs[0]?.beginRun(begin({ above: 41 })))?.generation).toBe(42);
    const definitions = Array.from({ length: 12 }, (_, n) => begin({ definition: `d${n}`, above: n }));
    const runs = await Promise.all(definitions.map((each, n) => catalogs[n % 2]?.beginRun(each)));
    const numbers = runs.map((run) => run?.generation ?? 0).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 12 }, (_, n) => 43 + n));
  });

  test('covers every partition that an earlier run had, of its definition or another', async () => {
    const catalog = await open();
    await catalog.beginRun(begin({ partitions: [5, 0, 1] }));
    await catalog.beginRun(begin({ definition: 'another', partitions: [9] }));
    expect((await catalog.beginRun(begin({ partitions: [2, 1] }))).partitions).toEqual([0, 1, 2, 5, 9]);
  });

  test('abandons the one of its definition that was still going, since only the newest may be resumed', async () => {
    const catalog = await open();
    await catalog.beginRun(begin());
    await catalog.beginRun(begin({ definition: 'another' }));
    await catalog.beginRun(begin());
    const runs = await catalog.runs({ limit: 10 });
    expect(runs.map((run) => [run.generation, run.status])).toEqual([
      [3, 'running'],
      [2, 'running'],
      [1, 'abandoned'],
    ]);
    expect((await catalog.runs({ definition: 'one', limit: 1 })).map((run) => run.generation)).toEqual([3]);
  });

  test('is published once, after its beginning was recorded, and its lineage is fixed then', async () => {
    const catalog = await open();
    await catalog.beginRun(begin());
    const published = { atMs: AT, base: null, excluded: [] };
    const conflict = { code: 'TIDEMARK_CATALOG_CONFLICT' };
    await expect(catalog.markPublished(1, published)).rejects.toMatchObject(conflict);
    await catalog.updateRun(1, { snapshot: SNAPSHOT });
    await catalog.markBegan(1, SNAPSHOT.sha256, AT);
    await catalog.markPublished(1, published);
    await catalog.markPublished(1, { ...published, atMs: AT + 9 });
    expect((await catalog.run(1))?.publishedAtMs).toBe(AT);
    await catalog.updateRun(1, { status: 'kept', reason: 'its twin was faster' });
    expect(await catalog.run(1)).toMatchObject({ status: 'published' });
    await expect(catalog.markPublished(1, { ...published, excluded: [7] })).rejects.toMatchObject(conflict);
    await expect(catalog.markPublished(1, { ...published, base: 7 })).rejects.toMatchObject(conflict);
  });

  test('that began is remembered for every later lineage', async () => {
    const catalog = await open();
    for (let n = 0; n < 4; n += 1) await catalog.beginRun(begin());
    await catalog.beginRun(begin({ definition: 'another' }));
    for (const generation of [4, 1, 5]) {
      await catalog.updateRun(generation, { snapshot: SNAPSHOT });
      await catalog.markBegan(generation, SNAPSHOT.sha256, AT);
    }
    expect(await catalog.began('one')).toEqual([1, 4]);
  });

  test('begins with the snapshot that is known, which no other process can change from then on', async () => {
    const catalog = await open();
    await catalog.beginRun(begin());
    const another = { path: 'snapshots/another', sha256: 'bb' };
    expect(await catalog.markBegan(1, SNAPSHOT.sha256, AT)).toBe(false);
    await catalog.updateRun(1, { snapshot: another });
    await catalog.updateRun(1, { snapshot: SNAPSHOT });
    expect(await catalog.markBegan(1, another.sha256, AT)).toBe(false);
    expect(await catalog.began('one')).toEqual([]);
    expect(await catalog.markBegan(1, SNAPSHOT.sha256, AT)).toBe(true);
    await catalog.updateRun(1, { snapshot: another, reason: 'later' });
    expect(await catalog.run(1)).toMatchObject({ snapshot: SNAPSHOT, reason: 'later' });
    expect(await catalog.markBegan(1, another.sha256, AT)).toBe(false);
  });
});

describe('an import', () => {
  test('is either covered by a cut or numbered after it, never between', async () => {
    const [runner, importer] = [await open(), await open()];
    let last = 0;
    const order: string[] = [];
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const importing = importer.withImportLock(async () => {
      order.push('import begins');
      await released;
      last += 1;
      order.push('import ends');
    });
    await vi.waitFor(() => expect(order).toEqual(['import begins']));
    const running = runner.beginRun(
      begin({
        lastImport: async () => {
          order.push('cut asks');
          return last;
        },
      }),
    );
    release();
    await importing;
    expect((await running).imports).toBe(1);
    expect(order).toEqual(['import begins', 'import ends', 'cut asks']);
  });

  test('many at once in one process each get their turn, and may use the catalog meanwhile', async () => {
    const catalog = await open();
    let inside = 0;
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        catalog.withImportLock(async () => {
          inside += 1;
          expect(inside).toBe(1);
          await catalog.putSettingIfAbsent(`import ${n}`, 'done');
          inside -= 1;
        }),
      ),
    );
    expect(await catalog.setting('import 19')).toBe('done');
  });

  test('that fails gives the cut back', async () => {
    const catalog = await open();
    const failing = catalog.withImportLock(() => Promise.reject(new Error('on purpose')));
    await expect(failing).rejects.toThrow('on purpose');
    expect(await (await open()).withImportLock(async () => 'next')).toBe('next');
  });

  test('whose connection broke while it held the cut is told so', async () => {
    const catalog = await open();
    const holding = catalog.withImportLock(() =>
      outside(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()`),
    );
    await expect(holding).rejects.toMatchObject({ code: 'TIDEMARK_CATALOG_LOCK_LOST', retryable: true });
    expect(await catalog.withImportLock(async () => 'next')).toBe('next');
  });

  test('is recorded once under its number', async () => {
    const catalog = await open();
    const entry = {
      number: 1,
      file: 'lines.csv',
      sha256: 'aa',
      source: 'orders',
      counts: { read: 5, imported: '4' },
      atMs: AT,
    };
    await catalog.recordImport(entry);
    await catalog.recordImport(entry);
    await catalog.recordImport({ ...entry, number: 2, sha256: 'bb' });
    await expect(catalog.recordImport({ ...entry, sha256: 'cc' })).rejects.toMatchObject({
      code: 'TIDEMARK_CATALOG_CONFLICT',
    });
    expect(await catalog.imports()).toEqual([entry, { ...entry, number: 2, sha256: 'bb' }]);
  });
});

describe('the right to run', () => {
  test('is of one at a time, and can be given back', async () => {
    const [one, two] = [await open(), await open()];
    const lock = await one.acquireRunLock();
    expect(lock?.isHeld()).toBe(true);
    expect(await two.acquireRunLock()).toBeNull();
    expect(await one.acquireRunLock()).toBeNull();
    await lock?.release();
    await lock?.release();
    expect(lock?.isHeld()).toBe(false);
    expect(lock?.lost.aborted).toBe(false);
    const next = await two.acquireRunLock();
    expect(next).not.toBeNull();
    await next?.release();
  });

  test('goes when its holder is killed', async () => {
    const catalog = await open();
    const program = fileURLToPath(new URL('./testing/hold-run-lock.ts', import.meta.url));
    const holder = spawn(process.execPath, ['--conditions=tidemark-source', '--import', 'tsx', program, database.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(String((await once(holder.stdout, 'data'))[0])).toBe('held\n');
    expect(await catalog.acquireRunLock()).toBeNull();
    holder.kill('SIGKILL');
    const lock = await vi.waitFor(
      async () => {
        const taken = await catalog.acquireRunLock();
        expect(taken).not.toBeNull();
        return taken;
      },
      { timeout: 5_000, interval: 50 },
    );
    await lock?.release();
  });

  test('that is lost with its connection says so', async () => {
    const catalog = await open();
    const lock = await catalog.acquireRunLock();
    await outside(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark run lock'",
    );
    await vi.waitFor(() => expect(lock?.lost.aborted).toBe(true), { timeout: 5_000 });
    expect(lock?.isHeld()).toBe(false);
    await lock?.release();
  });

  test('whose connection breaks while it is asked for is an error, and can be asked for again', async () => {
    const catalog = await open();
    await outside(
      "CREATE FUNCTION public.pg_try_advisory_lock(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT pg_terminate_backend(pg_backend_pid())'",
    );
    const inDatabase = (setting: string) =>
      outside(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I ${setting}', current_database()); END $$`);
    await inDatabase('SET search_path = public, pg_catalog');
    await expect(catalog.acquireRunLock()).rejects.toThrow('terminat');
    await inDatabase('RESET search_path');
    const lock = await catalog.acquireRunLock();
    expect(lock?.isHeld()).toBe(true);
    await lock?.release();
  });
});

describe('drift', () => {
  const measured = (generation: number, change: Partial<Drift> = {}): Drift => ({
    generation,
    status: 'measured',
    reason: null,
    base: null,
    asOfMs: AT,
    measuredAtMs: AT + 1,
    compared: 10,
    differing: 1,
    causes: { repeat: 1 },
    metrics: [
      {
        metric: 'segment',
        unit: 'text',
        customers: 1,
        total: null,
        largest: null,
        causes: [
          {
            cause: 'repeat',
            customers: 1,
            total: null,
            largest: null,
            examples: [{ customer_id: 'half \ud800', before: 'nul \0', after: null, events: [] }],
          },
        ],
      },
    ],
    ...change,
  });

  test('reads back whole, whatever texts it holds, and is replaced when it is measured again', async () => {
    const catalog = await open();
    const { generation } = await catalog.beginRun(begin());
    expect(await catalog.drift(generation)).toBeNull();
    await catalog.putDrift(measured(generation));
    expect(await catalog.drift(generation)).toEqual(measured(generation));
    const reason = 'no speed layer folds the log';
    const again = measured(generation, { status: 'not measured', reason, base: 4, causes: {}, metrics: [] });
    await catalog.putDrift(again);
    expect(await catalog.drift(generation)).toEqual(again);
  });

  test('is listed by definition, newest first, from below a generation', async () => {
    const catalog = await open();
    for (const definition of ['one', 'two', 'one', 'one']) {
      const { generation } = await catalog.beginRun(begin({ definition }));
      await catalog.putDrift(measured(generation));
    }
    const listed = async (below: number | null, limit: number) =>
      (await catalog.drifts({ definition: 'one', below, limit })).map(({ generation }) => generation);
    expect(await listed(null, 2)).toEqual([4, 3]);
    expect(await listed(3, 2)).toEqual([1]);
  });
});

describe('counts and settings', () => {
  test('unknown fields are counted once for each key, whatever their names', async () => {
    const catalog = await open();
    const counts = new Map([
      ['coupon', 2n],
      ['__proto__', 1n],
      ['nul \0', 1n],
      ['half \ud800', 1n],
    ]);
    expect(await catalog.addUnknownFields(counts, 'land 0 0-100')).toBe(true);
    expect(await catalog.addUnknownFields(counts, 'land 0 0-100')).toBe(false);
    expect(await catalog.addUnknownFields(new Map([['coupon', 2n ** 61n]]), 'land 0 100-200')).toBe(true);
    expect(await catalog.addUnknownFields(new Map(), 'land 0 200-300')).toBe(true);
    expect([...(await catalog.unknownFields())]).toEqual([
      ['coupon', 2n ** 61n + 2n],
      ['__proto__', 1n],
      ['half \ufffd', 1n],
      ['nul \u2400', 1n],
    ]);
  });

  test('the first to set a setting decides', async () => {
    const [one, two] = [await open(), await open()];
    expect(await one.setting('currency')).toBeNull();
    const answers = await Promise.all([
      one.putSettingIfAbsent('currency', 'USD'),
      two.putSettingIfAbsent('currency', 'EUR'),
    ]);
    expect(new Set(answers).size).toBe(1);
    expect(await one.setting('currency')).toBe(answers[0]);
  });
});
