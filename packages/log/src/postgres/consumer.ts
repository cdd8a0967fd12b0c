import { setTimeout as pause } from 'node:timers/promises';
import { isOutage } from '@tidemark/postgres';
import { LogError } from '../error.ts';
import type { PartitionWorker } from '../partition-worker.ts';
import { PartitionWorkers } from '../partition-workers.ts';
import { patient } from '../patient-reader.ts';
import type { Consumer, PartitionHandler } from '../port.ts';
import type { Reader } from '../reader.ts';
import type { Assignment, Membership } from './membership.ts';
import type { Wakeups } from './wakeups.ts';

const RETRY_MS = 100;

export type ConsumerOptions = {
  readonly group: string;
  readonly membership: Membership;
  readonly reader: Reader;
  readonly wakeups: Wakeups;
  readonly handler: PartitionHandler;
  readonly leaseMs: number;
  readonly maxBatchRecords: number;
};

const isRetryable = (error: unknown): boolean => (error instanceof LogError && error.retryable) || isOutage(error);

/**
 * A member of a group. It heartbeats three times a lease, also while the handler works or the member is stopping. When
 * no heartbeat came through for a lease, by its own steady clock counted from before the heartbeat was sent, its
 * partitions are lost: the others may have taken them.
 */
export function startConsumer(options: ConsumerOptions): Consumer {
  const { membership, wakeups, leaseMs } = options;
  const reader = patient(options.reader, isRetryable, options.handler);
  const stopping = new AbortController();
  let aliveUntil = 0;
  let fatal: { error: unknown } | null = null;

  // Put forward by each heartbeat: the handlers hear of the end of the lease even while a heartbeat hangs.
  const expiry = setTimeout(() => workers.loseAll(), leaseMs).unref();

  const isMemberAlive = () => performance.now() < aliveUntil;

  const fail = (error: unknown) => {
    fatal ??= { error };
    stopping.abort();
  };

  const workers = new PartitionWorkers((_, failure) => {
    if (failure !== null) fail(failure.error);
  });

  const work = (partition: number): void => {
    const { handler, maxBatchRecords } = options;
    workers.start({ partition, reader, handler, maxBatchRecords, isMemberAlive });
  };

  const handOver = (partition: number, worker: PartitionWorker): void => {
    worker.stop();
    void worker.ended
      .then(() => membership.giveBack(partition))
      // Not given back for an outage: the next heartbeat finds it still held and tries again.
      .catch((error: unknown) => (isRetryable(error) ? undefined : fail(error)));
  };

  const apply = ({ held, giveBack }: Assignment): void => {
    for (const [partition, worker] of workers.entries()) {
      if (!held.has(partition)) worker.lose();
    }
    for (const partition of held) {
      const worker = workers.get(partition);
      if (giveBack.includes(partition)) {
        if (worker === undefined) void membership.giveBack(partition).catch(() => {});
        else if (!worker.isStopping) handOver(partition, worker);
      } else if (worker === undefined) {
        work(partition);
      }
      // One that is stopping is started anew at a later heartbeat, when it has ended.
    }
  };

  const beat = async (take: boolean): Promise<boolean> => {
    const sentAt = performance.now();
    try {
      const assignment = await membership.beat({ take });
      aliveUntil = sentAt + leaseMs;
      expiry.refresh();
      if (take) apply(assignment);
      return true;
    } catch (error) {
      if (!isRetryable(error)) fail(error);
      return false;
    }
  };

  const run = async (): Promise<void> => {
    const subject = `group ${options.group}` as const;
    while (!stopping.signal.aborted) {
      const seen = wakeups.version(subject);
      const beaten = await beat(true);
      if (stopping.signal.aborted) break;
      await wakeups.changed(subject, seen, beaten ? leaseMs / 3 : Math.min(RETRY_MS, leaseMs / 3), stopping.signal);
    }
    // The handler's running calls are let finish, under a lease that goes on.
    let drained = false;
    const drain = workers.stopAll().then(() => {
      drained = true;
    });
    while (!drained) {
      await Promise.race([drain, pause(leaseMs / 3, undefined, { ref: false })]);
      if (!drained) await beat(false);
    }
    clearTimeout(expiry);
    await membership.leave().catch(() => {
      // Nobody to tell: the lease runs out by itself.
    });
    if (fatal !== null) throw fatal.error;
  };

  const done = run();
  // Whoever starts a consumer may look at `done` later: until then a failure must not end the process.
  done.catch(() => {});
  return {
    held: () => (isMemberAlive() ? workers.held() : []),
    isMember: isMemberAlive,
    done,
    stop: async () => {
      stopping.abort();
      await done.catch(() => {});
    },
  };
}
