import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openLocalStorage } from './local/index.ts';
import type { LakeStorage } from './port.ts';
import { openWorkingFolder } from './working-folder.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let root: string;
let storage: LakeStorage;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tidemark-working-'));
  storage = await openLocalStorage(root);
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(root, { recursive: true });
});

it('is where nobody else works, and gone when it is removed', async () => {
  const [one, other] = [await openWorkingFolder(storage, 'batch'), await openWorkingFolder(storage, 'batch')];
  await writeFile(join(one.path, 'spilled'), 'x');
  expect(await readdir(other.path)).toEqual([]);
  await one.remove();
  await other.remove();
  expect(await readdir(storage.scratchFolder)).toEqual([]);
});

it('clears away what nobody has touched for a day, and nothing younger', async () => {
  for (const [name, age] of [
    ['old', 1.01],
    ['young', 0.99],
  ] as const) {
    const at = new Date(Date.now() - age * DAY_MS);
    await mkdir(join(storage.scratchFolder, `${name}-folder`));
    await writeFile(join(storage.scratchFolder, `${name}-folder`, 'spilled'), 'x');
    await writeFile(join(storage.scratchFolder, `${name}.parquet`), 'x');
    for (const left of [`${name}-folder`, `${name}.parquet`]) await utimes(join(storage.scratchFolder, left), at, at);
  }
  const folder = await openWorkingFolder(storage, 'batch');
  await folder.remove();
  expect((await readdir(storage.scratchFolder)).sort()).toEqual(['young-folder', 'young.parquet']);
});

it('is not cleared away while its process lives, however long that is', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const folder = await openWorkingFolder(storage, 'batch');
  await utimes(folder.path, 0, 0);
  vi.advanceTimersByTime(HOUR_MS);
  await vi.waitFor(async () => expect((await stat(folder.path)).mtimeMs).toBeGreaterThan(0), { timeout: 60_000 });
  await (await openWorkingFolder(storage, 'batch')).remove();
  expect(await readdir(storage.scratchFolder)).toHaveLength(1);
  await folder.remove();
  expect(vi.getTimerCount()).toBe(0);
});
