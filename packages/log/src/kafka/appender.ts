import { LogError } from '../error.ts';
import { createPartitioner } from '../partitioner.ts';
import type { Append, Appended } from '../port.ts';
import { bytesOf, checkRecord } from '../record-limit.ts';
import type { Cluster } from './cluster.ts';
import { isTransient } from './outage.ts';
import type { Producer } from './producer.ts';

/** How old the number of partitions may be by which keys are placed. */
const PARTITIONS_AGE_MS = 1_000;
/** One send: a batch for each partition, cut off where it reaches this. A record over it goes alone. */
const MAX_BATCH_BYTES = 1024 * 1024;
const MAX_BATCH_RECORDS = 20_000;
const MAX_SEND_BYTES = 16 * 1024 * 1024;
/** What a record has in a batch besides what it holds. */
const RECORD_OVERHEAD_BYTES = 24;

/** One call of `append`, until the last of its records is acknowledged. */
type Job = {
  readonly appended: Appended[];
  left: number;
  isOver: boolean;
  resolve(appended: readonly Appended[]): void;
  reject(error: unknown): void;
};

type Waiting = { readonly record: Append; readonly bytes: number; readonly job: Job; readonly nth: number };

/**
 * Appends go out one send at a time: whatever comes meanwhile waits and goes together in the next. So each partition has
 * never more than one batch on its way, which is what keeps its order when a send has to be repeated, and under load the
 * sends grow by themselves.
 */
export class Appender {
  readonly #cluster: Cluster;
  readonly #producer: Producer;
  readonly #place = createPartitioner();
  readonly #waiting = new Map<number, Waiting[]>();
  #sending: Promise<void> | null = null;

  constructor(cluster: Cluster, producer: Producer) {
    this.#cluster = cluster;
    this.#producer = producer;
  }

  async append(records: readonly Append[]): Promise<readonly Appended[]> {
    for (const record of records) checkRecord(record);
    if (records.length === 0) return [];
    const partitions = await this.#partitions(records);
    return new Promise((resolve, reject) => {
      const job: Job = { appended: [], left: records.length, isOver: false, resolve, reject };
      for (const [nth, record] of records.entries()) {
        const partition = record.partition ?? this.#place(record.key, partitions);
        const queue = this.#waiting.get(partition) ?? [];
        this.#waiting.set(partition, queue);
        queue.push({ record, bytes: bytesOf(record) + RECORD_OVERHEAD_BYTES, job, nth });
      }
      this.#sending ??= this.#sendAll().finally(() => {
        this.#sending = null;
      });
    });
  }

  /** Resolves when what was given is acknowledged or refused. */
  async idle(): Promise<void> {
    while (this.#sending !== null) await this.#sending;
  }

  /** How many there are; a record for one that is not there is refused before anything is written. */
  async #partitions(records: readonly Append[]): Promise<number> {
    const isBeyond = (partitions: number) => (record: Append) =>
      record.partition !== undefined && !(record.partition >= 0 && record.partition < partitions);
    const known = await this.#count(PARTITIONS_AGE_MS);
    if (!records.some(isBeyond(known))) return known;
    const now = await this.#count(0);
    const wrong = records.find(isBeyond(now));
    if (wrong === undefined) return now;
    throw new LogError(
      'TIDEMARK_LOG_NO_PARTITION',
      `The topic ${this.#cluster.topic} has no partition ${wrong.partition}.`,
    );
  }

  /** In an outage what was known before has to do: the send itself waits for the brokers. */
  async #count(maxAgeMs: number): Promise<number> {
    try {
      return (await this.#cluster.topology(maxAgeMs)).leaders.size;
    } catch (error) {
      if (!isTransient(error)) throw error;
      return (await this.#cluster.topology(Number.POSITIVE_INFINITY)).leaders.size;
    }
  }

  async #sendAll(): Promise<void> {
    // Those who append in this turn of the event loop go together.
    await new Promise((resolve) => setImmediate(resolve));
    for (let batches = this.#take(); batches.size > 0; batches = this.#take()) {
      const sent = new Map(
        [...batches].map(([partition, waiting]) => [partition, waiting.map(({ record }) => record)]),
      );
      await this.#producer.send(sent, (partition, result) => {
        const waiting = batches.get(partition) ?? [];
        if ('error' in result) for (const { job } of waiting) fail(job, result.error);
        else
          for (const [n, { job, nth }] of waiting.entries())
            place(job, nth, { partition, offset: result.baseOffset + BigInt(n) });
      });
    }
  }

  /** The next batch of each partition. What belongs to an append that failed already is not written any more. */
  #take(): Map<number, Waiting[]> {
    const batches = new Map<number, Waiting[]>();
    let sendBytes = 0;
    for (const [partition, queue] of [...this.#waiting]) {
      if (sendBytes >= MAX_SEND_BYTES) break;
      const batch: Waiting[] = [];
      let bytes = 0;
      let taken = 0;
      for (const waiting of queue) {
        if (!waiting.job.isOver) {
          if (batch.length > 0 && (bytes + waiting.bytes > MAX_BATCH_BYTES || batch.length >= MAX_BATCH_RECORDS)) break;
          bytes += waiting.bytes;
          batch.push(waiting);
        }
        taken += 1;
      }
      // In turn, so that a busy partition does not keep the others from being sent.
      this.#waiting.delete(partition);
      if (taken < queue.length) this.#waiting.set(partition, queue.slice(taken));
      if (batch.length > 0) batches.set(partition, batch);
      sendBytes += bytes;
    }
    return batches;
  }
}

function place(job: Job, nth: number, at: Appended): void {
  job.appended[nth] = at;
  job.left -= 1;
  if (job.left === 0) job.resolve(job.appended);
}

function fail(job: Job, error: unknown): void {
  job.isOver = true;
  job.reject(error);
}
