import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { measure } from './bench.ts';
import { BENCHES } from './benches.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

it.each(BENCHES)('bench $name runs, at a scale that says nothing', async (bench) => {
  const database = async () => (await freshDatabase()).url;
  const newFolder = () => mkdtemp(join(folder, 'bench-'));
  const result = await measure(
    bench,
    { database, log: database, views: database, folder: newFolder, scale: 0.0001 },
    1,
  );
  expect(result.value).toBeGreaterThan(0);
  expect(result.baseline).toBeGreaterThan(0);
  expect(Number.isFinite(result.ratio)).toBe(true);
});
