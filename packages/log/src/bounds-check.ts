import { LogError } from './error.ts';
import type { Bounds } from './port.ts';

/** Throws when `from` lies outside of a partition's bounds: what was there is gone, or it is another log. */
export function checkInBounds(partition: number, from: bigint, { start, end }: Bounds): void {
  if (from < start) {
    throw new LogError(
      'TIDEMARK_LOG_GAP',
      `Partition ${partition} begins at ${start}, and ${from} was asked for: retention has run past this reader. Rebuild its view from the lake.`,
    );
  }
  if (from > end) {
    throw new LogError(
      'TIDEMARK_LOG_SHRUNK',
      `Partition ${partition} ends at ${end}, and ${from} was asked for: the log was truncated, restored, or is another one.`,
    );
  }
}
