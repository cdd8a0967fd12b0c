import { z } from 'zod';
import type { StartReport } from './start-report.ts';

const EVERY_MS = 2_000;
const TIMEOUT_MS = 1_500;

const ranking = z.object({
  provenance: z.object({
    generation: z.int().nullable(),
    positions: z.record(z.string(), z.string()),
    staleness_ms: z.number().nullable(),
  }),
});

/** Keeps one line about the running system at the bottom of a terminal. Answers how to stop it. */
export function watchStatus(apiUrl: string, report: StartReport): () => void {
  if (!report.isLive) return () => {};
  let last: { records: bigint; atMs: number } | null = null;
  const look = async () => {
    const asked = await fetch(`${apiUrl}/v1/customers?limit=1`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const { generation, positions, staleness_ms: staleness } = ranking.parse(await asked.json()).provenance;
    const records = Object.values(positions).reduce((sum, offset) => sum + BigInt(offset), 0n);
    const atMs = performance.now();
    const rate = last === null ? 0 : Math.max(0, Number(records - last.records) / ((atMs - last.atMs) / 1000));
    last = { records, atMs };
    const level = staleness === null ? 'staleness unknown' : staleness === 0 ? 'level' : `${staleness} ms behind`;
    return `generation ${generation ?? 'none'} · ${rate.toFixed(0)} records/s · ${level}`;
  };
  const timer = setInterval(() => {
    look().then(
      (text) => report.status(`  ${text}`),
      () => report.status('  the API does not answer just now'),
    );
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
