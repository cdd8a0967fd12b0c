import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@tidemark/embedded-postgres';
import { eventually } from '@tidemark/infra-local/testing';
import { openPool } from '@tidemark/postgres';
import type { Moment } from '@tidemark/runtime';
import type { LivePointer } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFINITION, DeployedSystem } from './system/deployed-system.ts';
import { failpoint } from './system/failpoint.ts';
import { freePort } from './system/free-port.ts';
import { SmallDisk } from './system/small-disk.ts';
import { underLoad } from './system/under-load.ts';
import type { SteadyWriter } from './system/writer.ts';

const PARTITIONS = 4;
const DISK_MEGABYTES = 48;
const PATIENT_MS = 120_000;
const EVERY_SECOND = '* * * * * *';
const LOST_RIGHTS = 4;

const disk = SmallDisk.mount(DISK_MEGABYTES);
const folder = mkdtempSync(join(tmpdir(), 'tidemark-faults-stores-'));
const lake = join(disk?.path ?? folder, 'lake');

let postgres: EmbeddedPostgres;
let system: DeployedSystem;
beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
  const url = await postgres.createDatabase('faults');
  const stores = { logUrl: url, viewsUrl: url, catalogUrl: url };
  const settings = { TIDEMARK_LAKE_URL: lake };
  system = await DeployedSystem.start({ stores, speedLayers: 1, servingLayers: 1, settings });
});
afterAll(async () => {
  await system?.end();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
  disk?.unmount();
});

test('layers that stood still while others took over change nothing when they go on, and the batch layer says why', () =>
  underLoad(system, async (writer) => {
    await Promise.all([stopBatchLayers(writer), stopSpeedLayer(writer)]);
  }));

async function stopBatchLayers(writer: SteadyWriter): Promise<void> {
  for (const moment of ['land: files put', 'publish: candidates written'] satisfies Moment[]) {
    await writer.acknowledges(20);
    const zombie = system.startBatch(['run'], failpoint(moment, { signal: 'SIGSTOP' }));
    await zombie.stopsAt(moment);
    // As long as it holds the right to run nobody else does.
    const { code, said } = await system.startBatch().result();
    expect([code, said]).toEqual([1, expect.stringContaining('TIDEMARK_BATCH_BUSY')]);
    expect(await breakRunLocks()).toBe(1);
    expect(await system.publish()).toMatchObject({ resumed: true });
    const before = await livePointer();
    zombie.resume();
    expect(await zombie.result()).toEqual({ code: 1, said: expect.stringContaining('TIDEMARK_BATCH_LOCK_LOST') });
    expect(await livePointer()).toEqual(before);
  }
}

/** Past its lease, with a position in hand whose rows are written. */
async function stopSpeedLayer(writer: SteadyWriter): Promise<void> {
  const [stays] = system.speedLayers;
  if (stays === undefined) throw new Error('there is no speed layer');
  const moment = 'fold: rows written';
  const zombie = system.launchSpeedLayer(await freePort(), failpoint(moment, { signal: 'SIGSTOP' }));
  await zombie.stopsAt(moment);
  await system.sharesAreFair(PARTITIONS, [stays]);
  await writer.acknowledges(100);
  zombie.resume();
  await system.sharesAreFair(PARTITIONS, [stays, zombie]);
  await writer.acknowledges(100);
  expect(await zombie.stop()).toBe(0);
}

test('two batch layers that run by themselves, and lose the right to over and over, make generation after generation', () =>
  underLoad(system, async (writer) => {
    const layers = [await system.startBatchLayer(EVERY_SECOND), await system.startBatchLayer(EVERY_SECOND)];
    for (let n = 0; n < LOST_RIGHTS; n++) {
      const before = (await livePointer())?.generation ?? 0;
      await writer.acknowledges(20);
      await eventually('a run loses its right', PATIENT_MS, async () => ((await breakRunLocks()) > 0 ? true : null));
      await eventually('the next generation', PATIENT_MS, async () => {
        system.goesOn();
        const pointer = await livePointer();
        return pointer !== null && pointer.generation > before ? true : null;
      });
    }
    for (const layer of layers) expect(await layer.stop()).toBe(0);
    expect(layers.some((layer) => layer.said().includes('TIDEMARK_BATCH_LOCK_LOST'))).toBe(true);
  }));

test.skipIf(disk === null)(
  'on a full disk a run fails and serving goes on; after room is made the next publishes',
  () =>
    underLoad(system, async (writer) => {
      const before = await livePointer();
      disk?.fill();
      try {
        const { code, said } = await system.startBatch().result();
        expect([code, said]).toEqual([1, expect.stringContaining('TIDEMARK_LAKE_FULL')]);
        expect(await livePointer()).toEqual(before);
        await writer.acknowledges(50);
      } finally {
        disk?.makeRoom();
      }
      expect(await system.publish()).toMatchObject({ resumed: true });
    }),
);

test('of damaged files nothing is published: what is derived is made again, what is not is named', () =>
  underLoad(system, async () => {
    const [entry, raw, rows] = [newest('manifest/events'), newest('events'), filesBelow('rows')];
    const before = await livePointer();
    const refuses = async (code: string, file: string, how: 'torn' | 'flipped') => {
      const whole = readFileSync(file);
      damage(how, file);
      const result = await system.startBatch().result();
      expect([result.code, result.said]).toEqual([1, expect.stringContaining(code)]);
      expect(result.said).toContain(nameOf(file));
      expect(await livePointer()).toEqual(before);
      writeFileSync(file, whole);
    };
    await refuses('TIDEMARK_LAKE_MANIFEST', entry, 'torn');
    for (const file of rows) damage('flipped', file);
    await refuses('TIDEMARK_LAKE_DAMAGED', raw, 'flipped');

    // The next generation is compared with the live one's snapshot, and made of rows.
    damage('torn', newest('snapshots'));
    for (const file of filesBelow('rows')) damage('torn', file);
    const { code, said } = await system.startBatch().result();
    expect([code, said]).toEqual([0, expect.stringContaining('expanded again: TIDEMARK_LAKE_DAMAGED')]);
  }));

test('PostgreSQL that is killed under load, with everything in it, is missed until it is back, and nothing is lost', () =>
  underLoad(
    system,
    async (writer) => {
      const run = system.startBatch(['run'], failpoint('recompute: snapshot put', { signal: 'SIGSTOP' }));
      await run.stopsAt('recompute: snapshot put');
      process.kill(postgres.pid, 'SIGKILL');
      await postgres.ended;
      run.resume();
      expect((await run.result()).code).toBe(1);
      postgres = await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
      await writer.acknowledges(100);
      expect(await system.publish()).toMatchObject({ resumed: true });
    },
    { outage: true },
  ));

test('all of it ends in order, and no process is left', () => system.stop());

/**
 * As a run's machine that is cut off for long enough: the server gives up its connection, and with it the lock. Answers how many
 * there were.
 */
async function breakRunLocks(): Promise<number> {
  const pool = openPool(system.viewsUrl, { applicationName: 'test' });
  try {
    const { rowCount } = await pool.query(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'tidemark run lock'",
    );
    return rowCount ?? 0;
  } finally {
    await pool.end();
  }
}

async function livePointer(): Promise<LivePointer | null> {
  const store = await openViews(system.viewsUrl);
  try {
    return await (await store.open(DEFINITION)).pointer();
  } finally {
    await store.close();
  }
}

/** Every file below a folder of the lake, the one written last at the end. */
const filesBelow = (prefix: string): readonly string[] =>
  readdirSync(join(lake, prefix), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs);

function newest(prefix: string): string {
  const last = filesBelow(prefix).at(-1);
  if (last === undefined) throw new Error(`the lake has no file below ${prefix}`);
  return last;
}

const nameOf = (file: string): string => file.slice(lake.length + 1);

/** As a power cut or a bad disk does it, in the middle of the file. */
function damage(how: 'torn' | 'flipped', file: string): void {
  const bytes = readFileSync(file);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(file, how === 'torn' ? bytes.subarray(0, middle) : bytes);
}
