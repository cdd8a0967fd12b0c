import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openSession } from '@tidemark/duckdb';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { define, floorHour, KEPT_HOURS } from '@tidemark/metrics';
import { type Bench, rate, ratioAtLeast, scaled } from './bench.ts';
import { writeLandedHistory } from './landed-history.ts';
import { recomputeByHand } from './recompute-by-hand.ts';
import { expectSameStates } from './same-states.ts';

const BARRIER_MS = Date.UTC(2026, 5, 1);

/**
 * The full recompute of every state, against one statement that a person would write for the same states over the same
 * files; both must come to the same. The engine's process has started before, as the baseline's session has.
 */
export const recomputeBench: Bench = {
  name: 'recompute',
  unit: 'events/s',
  against: 'one hand-written SQL',
  goal: ratioAtLeast(1 / 1.2),
  embeddedOnly: true,
  async run(place) {
    const folder = await place.folder();
    const limits = { memoryLimit: '2GB', threads: 2, tempFolder: join(folder, 'spill') };
    const session = await openSession(limits);
    const engine = openDuckDbEngine(limits);
    try {
      const definition = define('USD');
      const { rows, records } = await writeLandedHistory(session, folder, scaled(10_000_000, place), BARRIER_MS);
      const request = { currency: 'USD', definitionId: definition.id, barrierAtMs: BARRIER_MS };
      const snapshot = join(folder, 'snapshot.parquet');
      await engine.recompute({ ...request, rows: {}, snapshot: join(folder, 'empty.parquet') });
      const value = await rate(records, () => engine.recompute({ ...request, rows, snapshot }));

      const states = join(folder, 'by-hand');
      await mkdir(states);
      const byHand = recomputeByHand(rows, floorHour(BARRIER_MS) - KEPT_HOURS, join(states, 'states.parquet'));
      const baseline = await rate(records, () => session.connection.run(byHand));
      await expectSameStates(session, definition, snapshot, states);
      return { value, baseline };
    } finally {
      await engine.close();
      session.close();
    }
  },
};
