import { join } from 'node:path';
import { openSession } from '@tidemark/duckdb';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { define } from '@tidemark/metrics';
import { type Bench, duration, type Place, ratioAtMost, scaled, valueAtMost } from './bench.ts';
import { writeLandedHistory } from './landed-history.ts';
import { childrenStartedWith, ownPeakResident } from './peak-memory.ts';

const BARRIER_MS = Date.UTC(2026, 5, 1);
const EVENTS = 10_000_000;
const TIMES = 10;
const LIMIT_MB = 2_000;

/** The recompute of a history against that of a tenth of it, ten times over. `--scale 5` makes it one of 50 M events. */
export const recomputeLinearBench: Bench = {
  name: 'recompute-linear',
  unit: 'ms',
  against: `${TIMES} × a tenth of the events`,
  goal: ratioAtMost(1.2),
  beside: [
    { name: 'recompute-memory', unit: 'MB resident', against: 'a tenth of the events', goal: valueAtMost(LIMIT_MB) },
  ],
  embeddedOnly: true,
  async run(place) {
    const tenth = await recompute(place, scaled(EVENTS / TIMES, place));
    const whole = await recompute(place, scaled(EVENTS, place));
    return {
      value: whole.ms,
      baseline: TIMES * tenth.ms,
      ...(whole.peakMb !== null &&
        tenth.peakMb !== null && { beside: { 'recompute-memory': { value: whole.peakMb, baseline: tenth.peakMb } } }),
    };
  },
};

/** One recompute by an engine of its own, which has started before. */
async function recompute(
  place: Place,
  events: number,
): Promise<{ readonly ms: number; readonly peakMb: number | null }> {
  const folder = await place.folder();
  const limits = { memoryLimit: `${LIMIT_MB}MB`, threads: 2, tempFolder: join(folder, 'spill') };
  const session = await openSession(limits);
  const engine = openDuckDbEngine(limits);
  try {
    const { rows } = await writeLandedHistory(session, folder, events, BARRIER_MS);
    const request = { currency: 'USD', definitionId: define('USD').id, barrierAtMs: BARRIER_MS };
    await engine.recompute({ ...request, rows: {}, snapshot: join(folder, 'empty.parquet') });
    const ms = await duration(() => engine.recompute({ ...request, rows, snapshot: join(folder, 'snapshot.parquet') }));
    const [pid] = childrenStartedWith('engine-process');
    const peak = pid === undefined ? null : ownPeakResident(pid);
    return { ms, peakMb: peak === null ? null : peak / 1e6 };
  } finally {
    await engine.close();
    session.close();
  }
}
