import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { measure } from './bench.ts';
import { benchesOn } from './benches.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Some start a dozen processes, one after the other. */
const TIMEOUT_MS = 300_000;

/** Tests fetch no peers, and have the embedded stores. */
const ours = benchesOn(false).filter(({ peer }) => peer === undefined);

it.each(ours)(
  'bench $name runs, at a scale that says nothing',
  async (bench) => {
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
  },
  TIMEOUT_MS,
);
