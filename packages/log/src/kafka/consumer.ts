import { setTimeout as pause } from 'node:timers/promises';
import { LogError } from '../error.ts';
import { type PartitionWorker, startWorker } from '../partition-worker.ts';
import type { Consumer, PartitionHandler } from '../port.ts';
import type { Reader } from '../reader.ts';
import type { Cluster } from './cluster.ts';
import { Membership } from './membership.ts';
import { toLogError } from './outage.ts';
import { createReadAhead } from './read-ahead.ts';

const RETRY_MS = 100;

export type ConsumerOptions = {
  readonly cluster: Cluster;
  readonly group: string;
  readonly reader: Reader;
  readonly handler: PartitionHandler;
  readonly sessionMs: number;
  readonly heartbeatMs: number;
  readonly maxBatchRecords: number;
};

/** In an outage it answers nothing: the worker looks at its lease, which alone decides, and reads again. */
const patient = (reader: Reader): Reader => ({
  read: async (partition, from, options) => {
    try {
      return await reader.read(partition, from, options);
    } catch (cause) {
      const error = toLogError(cause);
      if (!(error instanceof LogError && error.retryable)) throw error;
      await pause(RETRY_MS);
      return { records: [], next: from, level: false };
    }
  },
});

/**
 * A member of a group with a worker for each of its partitions, which reads it from where the handler says and never runs
 * two calls at once. Nothing is committed to Kafka: the handler's own positions are the truth.
 */
export function startConsumer(options: ConsumerOptions): Consumer {
  const { cluster, group, sessionMs, heartbeatMs, handler, maxBatchRecords } = options;
  const workers = new Map<number, PartitionWorker>();
  /** Those that lost their partition: they end by themselves, and nobody waits for them but their successor here. */
  const lost = new Set<PartitionWorker>();
  let assigned: readonly number[] | null = null;
  let heldAtStop: readonly number[] | null = null;
  let fatal: { error: unknown } | null = null;
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });

  const owned = (): readonly number[] =>
    heldAtStop ?? [...workers].filter(([, worker]) => !lost.has(worker)).map(([partition]) => partition);

  const fail = (error: unknown): void => {
    fatal ??= { error };
    stop();
  };

  const work = (partition: number): void => {
    const worker = startWorker({
      partition,
      reader: createReadAhead(patient(options.reader)),
      handler,
      maxBatchRecords,
      isMemberAlive: () => membership.isAlive(),
    });
    workers.set(partition, worker);
    const forget = () => {
      workers.delete(partition);
      lost.delete(worker);
    };
    worker.ended.then(
      () => {
        forget();
        if (heldAtStop !== null) return;
        // Assigned anew while its last call ended, or given up: the others learn that it is free.
        if (assigned?.includes(partition) === true && membership.isAlive()) work(partition);
        else membership.rejoin();
      },
      (error: unknown) => {
        forget();
        fail(error);
      },
    );
  };

  const membership = new Membership({
    cluster,
    group,
    sessionMs,
    heartbeatMs,
    standing: () => ({ owned: owned(), isLeaving: heldAtStop !== null }),
    onAssigned: (partitions) => {
      assigned = partitions;
      if (heldAtStop !== null) return;
      for (const [partition, worker] of workers) if (!partitions.includes(partition)) worker.stop();
      for (const partition of partitions) if (!workers.has(partition)) work(partition);
    },
    onLost: () => {
      assigned = null;
      for (const worker of workers.values()) {
        lost.add(worker);
        worker.lose();
      }
    },
    onFatal: (error) => fail(toLogError(error)),
  });

  const run = async (): Promise<void> => {
    await stopped;
    heldAtStop = owned();
    for (const worker of workers.values()) worker.stop();
    // The running calls are let finish, as a member whose heartbeats go on.
    await Promise.allSettled([...workers.values()].map((worker) => worker.ended));
    await membership.leave();
    if (fatal !== null) throw fatal.error;
  };

  const done = run();
  // Whoever starts a consumer may look at `done` later: until then a failure must not end the process.
  done.catch(() => {});
  return {
    held: () =>
      membership.isAlive()
        ? [...workers]
            .filter(([, worker]) => !worker.isStopping)
            .map(([partition]) => partition)
            .sort((a, b) => a - b)
        : [],
    isMember: () => assigned !== null && membership.isAlive(),
    done,
    stop: async () => {
      stop();
      await done.catch(() => {});
    },
  };
}
