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

/** Spark makes some hundred tasks of even a few rows: on a busy machine that takes minutes. */
const TIMEOUT_MS = 300_000;

/** Tests fetch no peers: those that a bench has brought here before are run. */
const here = BENCHES.filter(({ peer }) => peer?.isHere() ?? true);

it.each(here)('bench $name runs, at a scale that says nothing', { timeout: TIMEOUT_MS }, async (bench) => {
  const database = async () => (await freshDatabase()).url;
  const newFolder = () => mkdtemp(join(folder, 'bench-'));
  const results = await measure(
    bench,
    { database, log: database, views: database, folder: newFolder, scale: 0.0001 },
    1,
  );
  for (const { value, baseline, ratio } of results) {
    expect(value).toBeGreaterThan(0);
    expect(baseline).toBeGreaterThan(0);
    expect(Number.isFinite(ratio)).toBe(true);
  }
});
