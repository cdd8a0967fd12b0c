import { PartitionWorkers } from '../partition-workers.ts';
import { patient } from '../patient-reader.ts';
import type { Consumer, PartitionHandler } from '../port.ts';
import type { Reader } from '../reader.ts';
import { Membership, type MembershipOptions } from './membership.ts';
import { isTransient, toLogError } from './outage.ts';

export type ConsumerOptions = Omit<MembershipOptions, 'standing' | 'onAssigned' | 'onLost' | 'onFatal'> & {
  /** A reader of its own for each assignment, so that nothing read before is ever delivered after. */
  openReader(): Reader;
  readonly handler: PartitionHandler;
  readonly maxBatchRecords: number;
};

/**
 * A member of a group with a worker for each of its partitions, which reads it from where the handler says and never runs
 * two calls at once. Nothing is committed to Kafka: the handler's own positions are the truth.
 */
export function startConsumer(options: ConsumerOptions): Consumer {
  const { openReader, handler, maxBatchRecords, ...group } = options;
  let assigned: readonly number[] = [];
  let heldAtStop: readonly number[] | null = null;
  let fatal: { readonly error: unknown } | null = null;
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });

  const fail = (error: unknown): void => {
    fatal ??= { error };
    stop();
  };

  const isMemberAlive = () => membership.isAlive();
  const work = (partition: number): void => {
    const reader = patient(openReader(), isTransient, handler);
    workers.start({ partition, reader, handler, maxBatchRecords, isMemberAlive });
  };
  const workers = new PartitionWorkers((partition, failure) => {
    if (failure !== null) fail(failure.error);
    else if (heldAtStop !== null) return;
    // Assigned anew while its last call ended, or given up: the others learn that it is free.
    else if (assigned.includes(partition) && isMemberAlive()) work(partition);
    else membership.rejoin();
  });

  /** Of those that lost their partition nobody needs to know: they end by themselves. */
  const owned = (): readonly number[] =>
    heldAtStop ?? workers.entries().flatMap(([partition, worker]) => (worker.isLost ? [] : [partition]));

  const membership = new Membership({
    ...group,
    standing: () => ({ owned: owned(), isLeaving: heldAtStop !== null }),
    onAssigned: (partitions) => {
      assigned = partitions;
      if (heldAtStop !== null) return;
      for (const [partition, worker] of workers.entries()) if (!partitions.includes(partition)) worker.stop();
      for (const partition of partitions) if (workers.get(partition) === undefined) work(partition);
    },
    onLost: () => {
      assigned = [];
      workers.loseAll();
    },
    onFatal: (error) => fail(toLogError(error)),
  });

  const run = async (): Promise<void> => {
    await stopped;
    heldAtStop = owned();
    // The running calls are let finish, as a member whose heartbeats go on.
    await workers.stopAll();
    await membership.leave();
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
      stop();
      await done.catch(() => {});
    },
  };
}
