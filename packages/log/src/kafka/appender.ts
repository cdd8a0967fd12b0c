import { LogError } from '../error.ts';
import { createPartitioner } from '../partitioner.ts';
import type { Append, Appended } from '../port.ts';
import { bytesOf, checkRecord } from '../record-limit.ts';
import type { Brokers } from './brokers.ts';
import { persist, toLogError } from './outage.ts';
import type { Send } from './producer.ts';

/** How old the number of partitions may be by which keys are placed. */
const PARTITIONS_AGE_MS = 1_000;
/** One batch of a partition: under Kafka's own default limit, so that topics which others made take it. A larger record goes alone. */
const MAX_BATCH_BYTES = 900 * 1024;
/** kafkajs's time for a batch grows with the square of its records. */
const MAX_BATCH_RECORDS = 1_000;
const MAX_SEND_BYTES = 8 * 1024 * 1024;
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
  readonly #brokers: Brokers;
  readonly #send: Send;
  readonly #withinMs: number;
  readonly #place = createPartitioner();
  readonly #waiting = new Map<number, Waiting[]>();
  #sending: Promise<void> | null = null;

  /** `withinMs`: how long an outage may keep it from even knowing the partitions. */
  constructor(brokers: Brokers, send: Send, withinMs: number) {
    this.#brokers = brokers;
    this.#send = send;
    this.#withinMs = withinMs;
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
    const ask = (maxAgeMs: number) =>
      persist(this.#withinMs, async () => (await this.#brokers.topology(maxAgeMs)).leaders.size);
    const isBeyond = (partitions: number) => (record: Append) =>
      record.partition !== undefined && !(record.partition >= 0 && record.partition < partitions);
    const known = await ask(PARTITIONS_AGE_MS);
    if (!records.some(isBeyond(known))) return known;
    const now = await ask(0);
    const wrong = records.find(isBeyond(now));
    if (wrong === undefined) return now;
    throw new LogError(
      'TIDEMARK_LOG_NO_PARTITION',
      `The topic ${this.#brokers.topic} has no partition ${wrong.partition}.`,
    );
  }

  async #sendAll(): Promise<void> {
    // Those who append in this turn of the event loop go together.
    await new Promise((resolve) => setImmediate(resolve));
    for (let batches = this.#take(); batches.size > 0; batches = this.#take()) {
      try {
        const records = new Map(
          [...batches].map(([partition, batch]) => [partition, batch.map(({ record }) => record)]),
        );
        const firsts = await this.#send(records);
        for (const [partition, batch] of batches) {
          const first = firsts.get(partition) ?? 0n;
          for (const [n, { job, nth }] of batch.entries()) place(job, nth, { partition, offset: first + BigInt(n) });
        }
      } catch (error) {
        const told = toLogError(error);
        for (const { job } of [...batches.values()].flat()) fail(job, told);
      }
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
