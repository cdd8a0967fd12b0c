import { setTimeout as pause } from 'node:timers/promises';
import { LogError } from '../error.ts';
import type { Append } from '../port.ts';
import type { Cluster } from './cluster.ts';
import type { CodecName, Codecs } from './codecs.ts';
import { isTransient, toLogError } from './outage.ts';
import { encodeBatch } from './record-batch.ts';
import { initProducerId, type ProducerId } from './requests/init-producer-id.ts';
import { type Produced, produce } from './requests/produce.ts';
import { isProtocolError, ProtocolError } from './wire/protocol-error.ts';

/** How long the broker may wait for replicas, and how long a batch is tried in all before its append fails. */
const REPLICAS_MS = 10_000;
const MIN_REPLICAS_MS = 1_000;
const DELIVER_WITHIN_MS = 30_000;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;
/** Numbers are 32 bits wide; before they run out a new producer id is taken. */
const MAX_NUMBER = 2 ** 31 - 2 ** 20;
const NO_ANSWER = -1;
/** The broker does not know the partition's last number: the batch is not written. */
const FORGOTTEN = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'];

export type Result = { readonly baseOffset: bigint } | { readonly error: unknown };

/** A partition's batch of a send that is not acknowledged yet. */
type Outstanding = { readonly partition: number; readonly records: readonly Append[]; encoded: Buffer | null };

/** Under which producer id a partition's records are numbered, and the next number. */
type Numbering = { readonly id: ProducerId; next: number };

/**
 * An idempotent producer: each batch carries a number, so that the broker knows one that is sent again and answers where it
 * has been all along. That only holds while the next number is given after the outcome of the last one is known. When it
 * never became known, the partition goes on under a new producer id: under the old one the broker would take the next batch
 * for the lost one, and answer that it is written.
 */
export class Producer {
  readonly #cluster: Cluster;
  readonly #codec: CodecName;
  readonly #codecs: Codecs;
  readonly #withinMs: number;
  readonly #numbering = new Map<number, Numbering>();
  /** For partitions that have no numbering. Never one that a partition was numbered under before. */
  #newId: ProducerId | null = null;

  constructor(cluster: Cluster, codec: CodecName, codecs: Codecs, withinMs: number = DELIVER_WITHIN_MS) {
    this.#cluster = cluster;
    this.#codec = codec;
    this.#codecs = codecs;
    this.#withinMs = withinMs;
  }

  /**
   * One batch for each partition, acknowledged by all replicas in sync; `onResult` is told of each partition once. Must not
   * be called again before it has resolved; it never rejects.
   */
  async send(
    batches: ReadonlyMap<number, readonly Append[]>,
    onResult: (partition: number, result: Result) => void,
  ): Promise<void> {
    const deadline = performance.now() + this.#withinMs;
    let left: Outstanding[] = [...batches].map(([partition, records]) => ({ partition, records, encoded: null }));
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const failures = await this.#attempt(left, deadline, onResult);
      const isOver = performance.now() + pauseMs > deadline;
      left = [];
      for (const [outstanding, error] of failures) {
        const isForgotten = isProtocolError(error, ...FORGOTTEN);
        const goesOn = !isOver && (isForgotten || isTransient(error));
        if (isForgotten || !goesOn) this.#renumber(outstanding);
        if (goesOn) left.push(outstanding);
        else onResult(outstanding.partition, { error: toLogError(error) });
      }
      if (left.length === 0) return;
      await pause(pauseMs);
      await this.#cluster.refresh().catch(() => {
        // The next attempt says why.
      });
    }
  }

  #renumber(outstanding: Outstanding): void {
    this.#numbering.delete(outstanding.partition);
    this.#newId = null;
    outstanding.encoded = null;
  }

  /** Sends to all leaders at once; answers what was not written, or not known to be, and why. */
  async #attempt(
    left: readonly Outstanding[],
    deadline: number,
    onResult: (partition: number, result: Result) => void,
  ): Promise<ReadonlyMap<Outstanding, unknown>> {
    const failures = new Map<Outstanding, unknown>();
    const byLeader = new Map<number, Outstanding[]>();
    for (const outstanding of left) {
      try {
        const leader = await this.#cluster.leaderOf(outstanding.partition);
        outstanding.encoded ??= await this.#encode(outstanding);
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), outstanding]);
      } catch (error) {
        failures.set(outstanding, error);
      }
    }
    const sendTo = async (leader: number, led: readonly Outstanding[]): Promise<void> => {
      const batches = led.map(({ partition, encoded }) => ({ partition, bytes: encoded ?? Buffer.alloc(0) }));
      const replicasMs = Math.min(REPLICAS_MS, Math.max(MIN_REPLICAS_MS, Math.ceil(deadline - performance.now())));
      const request = produce(this.#cluster.topic, batches, replicasMs);
      try {
        const answers = await this.#cluster.send(leader, 'produce', request);
        for (const outstanding of led) {
          const answer = answers.find(({ partition }) => partition === outstanding.partition);
          if (answer?.error === 0) onResult(outstanding.partition, this.#written(outstanding, answer));
          else failures.set(outstanding, refusal(answer?.error ?? NO_ANSWER, outstanding.partition));
        }
      } catch (error) {
        for (const outstanding of led) failures.set(outstanding, error);
      }
    };
    await Promise.all([...byLeader].map(([leader, led]) => sendTo(leader, led)));
    return failures;
  }

  async #encode({ partition, records }: Outstanding): Promise<Buffer> {
    let numbering = this.#numbering.get(partition);
    if (numbering === undefined) {
      this.#newId ??= await this.#cluster.sendToAny(initProducerId);
      numbering = { id: this.#newId, next: 0 };
      this.#numbering.set(partition, numbering);
    }
    const sequence = { ...numbering.id, first: numbering.next };
    return encodeBatch(records, sequence, this.#codec, this.#codecs, Date.now());
  }

  #written(outstanding: Outstanding, { baseOffset }: Produced): Result {
    const numbering = this.#numbering.get(outstanding.partition);
    if (numbering !== undefined) numbering.next += outstanding.records.length;
    if ((numbering?.next ?? 0) > MAX_NUMBER) this.#renumber(outstanding);
    return { baseOffset };
  }
}

function refusal(number: number, partition: number): Error {
  const error = new ProtocolError(number, `Partition ${partition}`);
  if (error.code !== 'DUPLICATE_SEQUENCE_NUMBER') return error;
  return new LogError('TIDEMARK_LOG_UNAVAILABLE', "An append was written, but Kafka can't say where any more.", {
    cause: error,
  });
}
