import { expect } from 'vitest';
import type { DeployedSystem } from './deployed-system.ts';
import type { Failure, SteadyReader } from './reader.ts';
import type { SteadyWriter } from './writer.ts';

/** A figure for whoever reads the run. */
export const say = (figure: string): void => void process.stderr.write(`figure: ${figure}\n`);

const isOutage = ({ status, code }: Failure): boolean => status === 503 && code === 'TIDEMARK_API_UNAVAILABLE';

/**
 * Writes and reads for as long as the work takes; then the system has to be whole. No answer may ever have said less than
 * one before it, and no read may have failed, or, where `outage` says so, only by saying that a store does not answer.
 */
export async function underLoad(
  system: DeployedSystem,
  work: (writer: SteadyWriter, reader: SteadyReader) => Promise<void>,
  { outage = false } = {},
): Promise<void> {
  const writer = system.write();
  const reader = system.read(writer);
  try {
    await work(writer, reader);
    await system.isWhole(writer);
  } finally {
    await reader.stop();
    await writer.stop();
  }
  expect(reader.regressions).toEqual([]);
  expect(reader.failures.filter((failure) => !outage || !isOutage(failure))).toEqual([]);
  const acknowledged = `${writer.acknowledged} events (appended again ${writer.repeats} times, the slowest took ${Math.round(writer.longestMs)} ms)`;
  const answered = `${reader.answers} answers (the slowest took ${reader.slowestMs} ms)`;
  const failed = `${reader.failures.length} failed (the slowest took ${Math.max(0, ...reader.failures.map(({ tookMs }) => tookMs))} ms)`;
  say(`${acknowledged}, ${answered}, ${failed}`);
}
