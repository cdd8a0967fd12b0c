import type { Lease, PartitionHandler, ReadResult } from './port.ts';
import type { Reader } from './reader.ts';

const WAIT_MS = 5_000;

/** Reads one partition for a handler, from assignment to revocation. Only one at a time for a partition. */
export type PartitionWorker = {
  /** Asks it to end after the handler's running call, under a lease that holds until then. */
  stop(): void;
  /** The same, when somebody else may have the partition already: the running call learns it from its lease. */
  lose(): void;
  readonly isStopping: boolean;
  readonly isLost: boolean;
  /** Resolves when the handler has been told; rejects with the handler's or the log's fatal error. */
  readonly ended: Promise<void>;
};

export type WorkerOptions = {
  readonly partition: number;
  readonly reader: Reader;
  readonly handler: PartitionHandler;
  readonly maxBatchRecords: number;
  /** Whether the member may still act for its partitions. */
  readonly isMemberAlive: () => boolean;
};

export function startWorker(options: WorkerOptions): PartitionWorker {
  const { partition, reader, handler, maxBatchRecords } = options;
  const aborter = new AbortController();
  let isLost = false;
  const lease: Lease = { isHeld: () => !isLost && options.isMemberAlive() };
  const goesOn = () => !aborter.signal.aborted && lease.isHeld();

  const read = (from: bigint): Promise<ReadResult> =>
    reader.read(partition, from, { maxRecords: maxBatchRecords, waitMs: WAIT_MS, signal: aborter.signal });

  /** Behind, the next records are on their way while these are handled. Level, what comes meanwhile is one batch. */
  const readAhead = ({ next, level }: ReadResult): Promise<ReadResult> | null => {
    if (level) return null;
    const ahead = read(next);
    // It is waited for, unless the handler fails first.
    ahead.catch(() => {});
    return ahead;
  };

  const run = async (): Promise<void> => {
    let offset = await handler.assigned(partition);
    try {
      let ahead: Promise<ReadResult> | null = null;
      for (let wasLevel = false; goesOn(); ) {
        // A read that hangs in a dead connection must not keep the handler from hearing that it lost the partition.
        const batch = await untilAborted(ahead ?? read(offset), aborter.signal);
        // What was read while the partition was lost, or called back, belongs to its next owner.
        if (batch === null || !goesOn()) break;
        ahead = readAhead(batch);
        if (batch.records.length > 0 || (batch.level && !wasLevel)) await handler.records(partition, batch, lease);
        wasLevel = batch.level;
        offset = batch.next;
      }
    } finally {
      await handler.revoked(partition);
    }
  };

  return {
    stop: () => aborter.abort(),
    lose: () => {
      isLost = true;
      aborter.abort();
    },
    get isLost() {
      return isLost;
    },
    get isStopping() {
      return aborter.signal.aborted;
    },
    ended: run(),
  };
}

/**
 * What is waited for, or null as soon as the signal aborts. It listens anew each time: in a race against one promise that
 * outlives it, every result would be kept by that promise, and with it all records ever read.
 */
function untilAborted<T>(waitedFor: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(null);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    // When the abort was faster, nobody hears of a failure: the promise is settled then.
    waitedFor.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
