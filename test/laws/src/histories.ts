import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSession, type Session } from '@tidemark/duckdb';
import type { Engine } from '@tidemark/engine';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { Random } from '@tidemark/simulator';
import { expect } from 'vitest';
import { driftLaw } from './drift-law.ts';
import { type Pin, quietLaw, type ReadMoment, readLaw } from './read-law.ts';
import { scratch, World, type WorldUrls } from './world.ts';

/** `TIDEMARK_SEED=n` runs that history alone. */
const only = process.env.TIDEMARK_SEED;

/** Histories at once: while one waits for a store, another computes. */
const LANES = 3;

/** Few enough that the longer histories are recomputed in slices of customers, and the shorter as a whole. */
const ROWS_AT_ONCE = 40;

/** So many bring about every hard moment; fewer may not. */
const ENOUGH = 25;

/** Stores of a history's own, gone when it is over. */
export type FreshStores = WorldUrls & { drop(): Promise<void> };

/**
 * Runs random histories and holds every read in them to the merge law. `TIDEMARK_HISTORIES` overrules how many; a seed
 * that breaks the law is in the error.
 */
export async function holdMergeLaw(byDefault: number, freshStores: () => Promise<FreshStores>): Promise<void> {
  const first = only ? Number(only) : Math.floor(Date.now() / 1000) % 1_000_000_000;
  const histories = only ? 1 : Number(process.env.TIDEMARK_HISTORIES ?? byDefault);
  console.log(`merge law: seeds ${first} to ${first + histories - 1}`);
  const folder = await mkdtemp(join(scratch, 'tidemark-laws-'));
  const limits = { memoryLimit: '512MB', threads: 1, tempFolder: join(folder, 'spill') };
  const session = await openSession(limits);
  const engine = openDuckDbEngine({ ...limits, rowsAtOnce: ROWS_AT_ONCE });
  const moments: ReadMoment[] = [];
  let corrected = 0;
  let next = first;
  const lane = async () => {
    while (next < first + histories) {
      const seed = next++;
      try {
        const ended = await history(seed, freshStores, engine, session);
        moments.push(...ended.moments);
        corrected += ended.corrected;
      } catch (cause) {
        const how = cause instanceof Error ? cause.message : String(cause);
        throw new Error(
          `seed ${seed} breaks the merge law: ${how}; again: TIDEMARK_SEED=${seed} npx vitest run in test/laws`,
          { cause },
        );
      }
    }
  };
  try {
    const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
    for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
  } finally {
    await engine.close();
    session.close();
    await rm(folder, { recursive: true });
  }
  const hard = moments.filter(({ unflushed, halfBarrier, movedPointer }) => unflushed || halfBarrier || movedPointer);
  console.log(
    `merge law: ${histories} histories, ${moments.length} reads, ${hard.length} of them at hard moments, ${corrected} metrics corrected at the end`,
  );
  if (only) return;
  expect(corrected).toBeGreaterThan(0);
  expect(hard.length).toBeGreaterThan(0);
  if (histories < ENOUGH) return;
  expect(hard.length).toBeGreaterThan(moments.length / 2);
  for (const kind of ['unflushed', 'halfBarrier', 'movedPointer'] as const) {
    expect(moments.filter((moment) => moment[kind]).length, kind).toBeGreaterThan(0);
  }
}

async function history(
  seed: number,
  freshStores: () => Promise<FreshStores>,
  engine: Engine,
  session: Session,
): Promise<{ readonly moments: readonly ReadMoment[]; readonly corrected: number }> {
  const stores = await freshStores();
  const random = Random.fromSeed(seed);
  const world = await World.open(random, stores, engine, session);
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
    return { moments, corrected: await driftLaw(world) };
  } finally {
    await world.close();
    await stores.drop();
  }
}
