import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSession, type Session } from '@tidemark/duckdb';
import type { Engine } from '@tidemark/engine';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { freshDatabase } from '@tidemark/postgres/testing';
import { Random } from '@tidemark/simulator';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Pin, quietLaw, type ReadMoment, readLaw } from './read-law.ts';
import { scratch, World } from './world.ts';

/** `TIDEMARK_SEED=n` runs that history alone. */
const only = process.env.TIDEMARK_SEED;
const FIRST_SEED = only ? Number(only) : Math.floor(Date.now() / 1000) % 1_000_000_000;
const HISTORIES = only ? 1 : Number(process.env.TIDEMARK_HISTORIES ?? 200);

/** Histories at once: while one waits for a store, another computes. */
const LANES = 3;

let folder: string;
let session: Session;
let engine: Engine;

beforeAll(async () => {
  folder = await mkdtemp(join(scratch, 'tidemark-laws-'));
  const options = { memoryLimit: '512MB', threads: 1, tempFolder: join(folder, 'spill') };
  session = await openSession(options);
  engine = openDuckDbEngine(options);
});

afterAll(async () => {
  await engine.close();
  session.close();
  await rm(folder, { recursive: true });
});

async function history(seed: number): Promise<readonly ReadMoment[]> {
  const database = await freshDatabase();
  const random = Random.fromSeed(seed);
  const world = await World.open(random, database.url, engine, session);
  const moments: ReadMoment[] = [];
  let pin: Pin = { pointer: null, fetchedAtMs: world.clock.now() };
  try {
    for (let step = random.between(25, 60); step > 0; step--) {
      world.clock.advance(random.between(0, 5_000));
      const dice = random.unit();
      if (dice < 0.31) await world.append();
      else if (dice < 0.57) await world.workers.step();
      else if (dice < 0.63) await world.workers.takeover();
      else if (dice < 0.69) await world.workers.zombie();
      else if (dice < 0.77) await world.run();
      else if (dice < 0.8) await world.wrongGeneration();
      else if (dice < 0.84) await world.halfBarrier();
      else if (dice < 0.88) await world.rollback();
      else if (dice < 0.92) await world.resume();
      else if (dice < 0.94) await world.grow();
      else if (dice < 0.97) await world.import();
      else await world.arriveLate();
      if (random.chance(0.6)) pin = { pointer: await world.views.pointer(), fetchedAtMs: world.clock.now() };
      const moment = await readLaw(world, pin);
      if (moment) moments.push(moment);
    }
    await world.settle();
    await quietLaw(world);
    return moments;
  } finally {
    await world.close();
    await database.drop();
  }
}

it('the batch view of a generation and the deltas after its cut count every accepted event exactly once', async () => {
  console.log(`merge law: seeds ${FIRST_SEED} to ${FIRST_SEED + HISTORIES - 1}`);
  const moments: ReadMoment[] = [];
  let next = FIRST_SEED;
  const lane = async () => {
    while (next < FIRST_SEED + HISTORIES) {
      const seed = next++;
      try {
        moments.push(...(await history(seed)));
      } catch (cause) {
        throw new Error(`seed ${seed} breaks the merge law; again: TIDEMARK_SEED=${seed} npx vitest run in test/laws`, {
          cause,
        });
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const hard = moments.filter(({ unflushed, halfBarrier, movedPointer }) => unflushed || halfBarrier || movedPointer);
  console.log(`merge law: ${HISTORIES} histories, ${moments.length} reads, ${hard.length} of them at hard moments`);
  if (only) return;
  expect(hard.length).toBeGreaterThan(moments.length / 2);
  for (const kind of ['unflushed', 'halfBarrier', 'movedPointer'] as const) {
    expect(moments.filter((moment) => moment[kind]).length, kind).toBeGreaterThan(0);
  }
});
