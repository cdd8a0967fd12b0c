import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '@tidemark/simulator';
import { z } from 'zod';
import type { Placed } from './placed-writer.ts';

const offset = z.string().transform(BigInt);

const answerSchema = z.looseObject({
  customer_id: z.string(),
  metrics: z.record(z.string(), z.unknown()),
  provisional: z.array(z.string()),
  provenance: z.looseObject({
    definition: z.string(),
    cut: z.looseObject({ partitions: z.record(z.string(), offset) }).nullable(),
    deltas: z.array(z.looseObject({ partition: z.int(), last_offset: offset })),
    positions: z.record(z.string(), offset),
  }),
});

type Answer = z.output<typeof answerSchema>;

/** What a definition makes of a customer's events: what the metrics have to be, and `undefined` where it has none of the name. */
export type Oracle = (events: readonly Placed[]) => Readonly<Record<string, number | undefined>>;

const EVERY_MS = 10;
const TIMEOUT_MS = 40_000;

/**
 * Asks one server (or a balancer) about one customer after the other and keeps every answer, to be compared when the places of
 * all events are known with what the definition that it names makes of exactly the events that it says it has.
 */
export class DefinitionReader {
  readonly answers: Answer[] = [];
  readonly failures: string[] = [];
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  readonly #seen = new Set<string>();

  constructor(api: string, customers: () => readonly string[], seed: number) {
    this.#ended = this.#run(api, customers, Random.fromSeed(seed));
    this.#ended.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  /** Every metric of every answer that is not what it should be. */
  wrong(placed: readonly Placed[], oracles: Readonly<Record<string, Oracle>>): readonly string[] {
    return this.answers.flatMap((answer) => {
      const { definition } = answer.provenance;
      const oracle = oracles[definition];
      if (!oracle) return [`an answer names definition ${definition}`];
      const events = placed.filter((event) => event.customerId === answer.customer_id && isCounted(event, answer));
      return Object.entries(oracle(events))
        .filter(([metric, value]) => answer.metrics[metric] !== value)
        .map(
          ([metric, value]) =>
            `${metric} of ${answer.customer_id} is ${answer.metrics[metric]}, not ${value}: ${asText(answer.provenance)}`,
        );
    });
  }

  async #run(api: string, customers: () => readonly string[], random: Random): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const all = customers();
      if (all.length > 0) await this.#ask(api, random.pick(all));
      await pause(EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #ask(api: string, customerId: string): Promise<void> {
    try {
      const response = await fetch(`${api}/v1/customers/${customerId}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      const text = await response.text();
      if (response.status === 200) {
        this.answers.push(answerSchema.parse(JSON.parse(text)));
        this.#seen.add(customerId);
      } else if (response.status !== 404 || this.#seen.has(customerId)) {
        this.failures.push(`${response.status} ${text}`);
      }
    } catch (error) {
      this.failures.push(String(error));
    }
  }
}

/** By the law: in the cut, up to the position, or up to the last offset of a delta used. */
function isCounted({ partition, offset }: Placed, { provenance: { cut, positions, deltas } }: Answer): boolean {
  const cutAt = cut?.partitions[partition];
  if (cutAt !== undefined && offset < cutAt) return true;
  const bounds = [
    positions[partition],
    ...deltas.filter((delta) => delta.partition === partition).map((delta) => delta.last_offset),
  ];
  return bounds.some((bound) => bound !== undefined && offset <= bound);
}

const asText = (value: unknown): string =>
  JSON.stringify(value, (_key, field: unknown) => (typeof field === 'bigint' ? field.toString() : field));
