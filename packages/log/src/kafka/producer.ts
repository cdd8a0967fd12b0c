import { setTimeout as pause } from 'node:timers/promises';
import type { Message, Producer } from 'kafkajs';
import { LogError } from '../error.ts';
import type { Append } from '../port.ts';
import { Client, type ClientSettings } from './client.ts';
import { type CodecName, numberOf } from './codecs.ts';

/** Writes a batch for each partition named, and answers the offset of the first record of each. Never called again before that. */
export type Send = (batches: ReadonlyMap<number, readonly Append[]>) => Promise<ReadonlyMap<number, bigint>>;

export type ProducerOptions = {
  readonly topic: string;
  readonly settings: ClientSettings;
  readonly compression: CodecName;
  /** How long a send is tried, by the same producer, before its outcome is called unknown. */
  readonly withinMs: number;
};

type Producing = { readonly client: Client; readonly connected: Promise<Producer>; readonly partitions: number };

/**
 * kafkajs's idempotent producer: each batch carries a number, so that the broker knows one that is sent again. That holds
 * from send to send only while each outcome is known: otherwise the next batch would go out under the number of the one
 * that was given up, and be taken for it. So a producer of which a send failed is thrown away, with its connections, and
 * what it may still be trying with it.
 */
export function createSend({ topic, settings, compression, withinMs }: ProducerOptions): { send: Send; close(): void } {
  let producing: Producing | null = null;

  const start = (partitions: number): Producing => {
    const client = new Client(settings, Math.ceil(withinMs / 1_000) + 4);
    const producer = client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
    return { client, connected: producer.connect().then(() => producer), partitions };
  };

  const discard = () => {
    producing?.client.close();
    void producing?.connected.then((producer) => producer.disconnect()).catch(() => {});
    producing = null;
  };

  const send: Send = async (batches) => {
    const partitions = Math.max(...batches.keys()) + 1;
    // It leaves out, silently, what is for partitions that were not there when it asked last.
    if (producing !== null && producing.partitions < partitions) discard();
    producing ??= start(partitions);
    const messages = [...batches].flatMap(([partition, records]) =>
      records.map((record) => toMessage(record, partition)),
    );
    const deadline = new AbortController();
    try {
      const sent = producing.connected.then((producer) =>
        producer.send({ topic, messages, acks: -1, compression: numberOf(compression) }),
      );
      sent.catch(() => {});
      const answers = await Promise.race([sent, timeout(withinMs, deadline.signal)]);
      const firsts = new Map(answers.map(({ partition, baseOffset }) => [partition, BigInt(baseOffset ?? -1)]));
      for (const partition of batches.keys()) {
        // It forgets about a partition that moved to a leader which had answered already.
        if ((firsts.get(partition) ?? -1n) < 0n)
          throw unknownOutcome(`Partition ${partition} is not in Kafka's answer.`);
      }
      return firsts;
    } catch (error) {
      discard();
      throw error;
    } finally {
      deadline.abort();
    }
  };
  return { send, close: discard };
}

const unknownOutcome = (why: string): LogError =>
  new LogError('TIDEMARK_LOG_UNAVAILABLE', `${why} The append may or may not have been written.`);

async function timeout(ms: number, signal: AbortSignal): Promise<never> {
  await pause(ms, undefined, { signal });
  throw unknownOutcome(`Kafka has not taken an append within ${ms} ms.`);
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function toMessage({ key, value, headers }: Append, partition: number): Message {
  return {
    partition,
    key: key && asBuffer(key),
    value: value && asBuffer(value),
    ...(headers && {
      headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, asBuffer(bytes)])),
    }),
  };
}
