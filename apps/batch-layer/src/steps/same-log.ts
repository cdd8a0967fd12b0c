import type { BatchContext } from '../batch-context.ts';
import { BatchError } from '../error.ts';

/**
 * The log's identity. Throws `TIDEMARK_BATCH_LOG_CHANGED` when it is not the one that was landed and folded so far. It is
 * asked before a run appends anything, for a log named by mistake is another system's, and before a cut of it goes live.
 */
export async function sameLog({ log, lake, views }: Pick<BatchContext, 'log' | 'lake' | 'views'>): Promise<string> {
  const logId = await log.identity();
  const takenFrom = [...(await lake.heads()).values(), ...(await views.positions()).values()];
  for (const known of takenFrom) if (known.logId !== logId) throw otherLog(known.logId, logId);
  return logId;
}

export const otherLog = (known: string, logId: string): BatchError =>
  logChanged(`What was landed and folded is of log ${known}, but this is log ${logId}.`);

export const logChanged = (fact: string): BatchError =>
  new BatchError(
    'TIDEMARK_BATCH_LOG_CHANGED',
    `${fact} The log was deleted, restored or truncated. Restore it, or start an empty system and import the lake's events.`,
  );
