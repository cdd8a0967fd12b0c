import { type EventLog, fingerprint, LogError } from '@tidemark/log';
import type { LivePointer, Position } from '@tidemark/views';
import { SpeedError } from './error.ts';

/** Where the log begins in a partition. To be asked before its position is, see `startOffset`. */
export async function logStart(log: EventLog, partition: number): Promise<bigint> {
  return (await log.bounds()).get(partition)?.start ?? 0n;
}

/**
 * Where a partition is read on from: after its position, or at the log's start when there is none. The record at the
 * position, which has to be of this log (`refuseOtherLog`), is read again first, so that a log that was restored or truncated is
 * found before a number is wrong.
 *
 * `start` is older than the position: cleaning never truncates the log past a position, so it lies beyond one that was read
 * later only where records were lost, and not where another member has folded on and the log was truncated in between.
 */
export async function startOffset(
  log: EventLog,
  partition: number,
  start: bigint,
  position: Position | null,
): Promise<bigint> {
  if (!position) return start;

  const next = position.offset + 1n;
  if (start > next) {
    throw new SpeedError(
      'TIDEMARK_SPEED_GAP',
      `Partition ${partition} was folded up to offset ${position.offset}, but the log now starts at ${start}: retention removed records that were never folded. Those that were landed are in the lake: stop the layers and run \`tidemark rebuild\`.`,
    );
  }
  if (start === next) return next;

  const record = await readOne(log, partition, position.offset);
  if (record !== position.fingerprint) {
    throw new SpeedError(
      'TIDEMARK_SPEED_LOG_CHANGED',
      `The record at offset ${position.offset} of partition ${partition} is not the one that was folded: the log was restored, truncated or written anew. Restore the log, or start an empty system.`,
    );
  }
  return next;
}

/**
 * Throws `TIDEMARK_SPEED_OTHER_LOG` when anything that its rows are to be added to, another partition's position or a batch
 * view, is of another log: a partition without a position could not tell by itself.
 */
export function refuseOtherLog(of: Iterable<Pick<Position | LivePointer, 'logId'>>, logId: string): void {
  for (const known of of) {
    if (known.logId === logId) continue;
    throw new SpeedError(
      'TIDEMARK_SPEED_OTHER_LOG',
      `The views were made from log ${known.logId}, but this is log ${logId}. To move to another log, run a last batch, start an empty system on the new one and import the old lake's events.`,
    );
  }
}

async function readOne(log: EventLog, partition: number, offset: bigint): Promise<string | null> {
  try {
    const { records } = await log.read(partition, offset, { maxRecords: 1, waitMs: 0 });
    const [record] = records;
    return record && record.offset === offset ? fingerprint(record) : null;
  } catch (error) {
    if (error instanceof LogError && error.code === 'TIDEMARK_LOG_SHRUNK') return null;
    throw error;
  }
}
