import type { Drift, Run } from '@tidemark/catalog';
import { parse, type TidemarkEvent } from '@tidemark/contracts';
import {
  AS_OF_BEFORE_BARRIER_MS,
  type Definition,
  emptyDelta,
  foldRecord,
  mergeView,
  rankListName,
  rankScore,
  type State,
  UNRANKED_SCORE,
} from '@tidemark/metrics';
import { byRank, type Candidate, type LivePointer, moveTo, publishNext, raiseFloor, type Views } from '@tidemark/views';

export const BARRIER_AT_MS = Date.UTC(2024, 5, 1, 12);
export const NOW_MS = BARRIER_AT_MS + 3_600_000;

/** An event without its envelope, as it stands on the wire. */
export type Body = { readonly event_type: string; readonly [field: string]: unknown };

export const order = (order_id: string, total_amount: string, order_date: string, status = 'completed'): Body => ({
  event_type: 'order_placed',
  order_id,
  total_amount,
  order_date,
  status,
});

export const ticket = (ticket_id: string, priority: string, created_date: string): Body => ({
  event_type: 'support_ticket_created',
  ticket_id,
  category: 'billing',
  priority,
  created_date,
});

export const profile = (segment: string): Body => ({ event_type: 'customer_profile_updated', segment });

/**
 * Writes what the batch and speed layers would have written, without them: rows, deltas, markers, positions, candidates,
 * pointer and runs. `listLimit` is how many candidates a list keeps.
 */
export class SampleShop {
  readonly definition: Definition;
  readonly views: Views;
  readonly runs = new Map<number, Run>();
  readonly drifts = new Map<number, Drift>();
  readonly #listLimit: number;
  #nextEvent = 0;

  constructor(definition: Definition, views: Views, listLimit = 2000) {
    this.definition = definition;
    this.views = views;
    this.#listLimit = listLimit;
  }

  /** The catalog as the server asks it. */
  get catalog() {
    return {
      run: async (generation: number) => this.runs.get(generation) ?? null,
      runs: async ({ limit }: { limit: number }) =>
        [...this.runs.values()].toSorted((a, b) => b.generation - a.generation).slice(0, limit),
      drift: async (generation: number) => this.drifts.get(generation) ?? null,
      drifts: async ({ below, limit }: { below: number | null; limit: number }) =>
        [...this.drifts.values()]
          .filter(({ generation }) => below === null || generation < below)
          .toSorted((a, b) => b.generation - a.generation)
          .slice(0, limit),
    };
  }

  event(customer_id: string, body: Body): TidemarkEvent {
    const envelope = { event_id: `e${this.#nextEvent++}`, customer_id, occurred_at: '2024-06-01T00:00:00Z' };
    const parsed = parse(Buffer.from(JSON.stringify({ ...envelope, ...body })), {
      currency: this.definition.currency,
    });
    if (!parsed.ok) throw new Error(parsed.reason);
    return parsed.event;
  }

  state(customerId: string, bodies: readonly Body[]): State {
    const delta = emptyDelta(this.definition);
    bodies.forEach((body, at) => {
      foldRecord(this.definition, delta, null, this.event(customerId, body), BigInt(at));
    });
    // Rows are counted in deltas alone.
    for (const { rowsAt } of this.definition.counters) delta.state[rowsAt] = 0n;
    return delta.state;
  }

  /** Publishes a generation that has these customers; null: no longer. Every customer it is to keep must be given. */
  async publish(
    generation: number,
    customers: Readonly<Record<string, readonly Body[] | null>>,
    cut: Readonly<Record<number, bigint>> = { 0: 10n },
  ): Promise<LivePointer> {
    const rows = Object.entries(customers).map(([customerId, bodies]) => ({
      customerId,
      generation,
      state: bodies === null ? null : this.state(customerId, bodies),
    }));
    await this.views.writeBatch(rows);
    for (const [name, list] of this.#lists(rows)) await this.views.writeCandidates(generation, name, list);
    const pointer = await this.views.pointer();
    const partitions = new Map(Object.entries(cut).map(([partition, offset]) => [Number(partition), offset]));
    const next = publishNext(pointer, {
      generation,
      base: pointer?.generation ?? null,
      logId: 'log',
      cut: { partitions, imports: 0 },
      began: [...this.runs.keys()],
      barrierAtMs: BARRIER_AT_MS,
      publishedAtMs: BARRIER_AT_MS + 60_000,
    });
    this.runs.set(generation, runOf(this.definition.id, next, pointer));
    await this.#swap(pointer, next);
    return next;
  }

  /** Folds events into the customer's delta of (epoch, partition) and moves the partition's position to the last of them. */
  async fold(
    customerId: string,
    at: { readonly epoch: number; readonly partition: number; readonly offset: bigint },
    bodies: readonly Body[],
  ): Promise<void> {
    const delta = emptyDelta(this.definition);
    bodies.forEach((body, index) => {
      foldRecord(this.definition, delta, null, this.event(customerId, body), at.offset + BigInt(index));
    });
    const key = { customerId, epoch: at.epoch, partition: at.partition };
    await this.views.writeTouched([key]);
    await this.views.writeDeltas([
      { ...key, lastOffset: delta.lastOffset, ids: delta.ids.encode(), state: delta.state },
    ]);
    await this.views.writePosition(at.partition, {
      offset: delta.lastOffset,
      epoch: at.epoch,
      previousEpoch: null,
      fingerprint: '0'.repeat(64),
      logId: 'log',
    });
  }

  async raiseFloor(floor: number): Promise<void> {
    const pointer = await this.views.pointer();
    if (pointer) await this.#swap(pointer, raiseFloor(pointer, floor));
  }

  async rollback(generation: number): Promise<void> {
    const pointer = await this.views.pointer();
    const run = this.runs.get(generation);
    if (!pointer || !run?.cut || !run.excluded) throw new Error('nothing to go back to');
    const { excluded, imports, barrierAtMs } = run;
    const target = { generation, excluded, cut: { partitions: run.cut, imports }, barrierAtMs };
    await this.#swap(pointer, moveTo(pointer, target, NOW_MS));
  }

  async #swap(from: LivePointer | null, to: LivePointer): Promise<void> {
    if (!(await this.views.compareAndSetPointer(from, to))) throw new Error('the pointer moved');
  }

  *#lists(rows: readonly { customerId: string; state: State | null }[]): Iterable<[string, readonly Candidate[]]> {
    const earliestMs = BARRIER_AT_MS - AS_OF_BEFORE_BARRIER_MS;
    const score = (state: State, metric: string) => rankScore(this.definition, [state], metric, earliestMs).score;
    const { metrics } = this.definition;
    const ranked = metrics.filter((metric) => metric.ranked).map(({ name }) => name);
    const flags = metrics.filter(({ kind }) => kind === 'flag').map(({ name }) => name);
    for (const flag of [null, ...flags]) {
      for (const sort of ranked) {
        const list = rows.flatMap(({ customerId, state }): Candidate[] => {
          if (state === null) return [];
          const own = score(state, sort);
          if (flag === null) return own === null ? [] : [{ customerId, score: own }];
          if (mergeView(this.definition, [state], earliestMs).metrics[flag] !== true) return [];
          return [{ customerId, score: own ?? UNRANKED_SCORE }];
        });
        yield [rankListName(sort, flag), list.toSorted(byRank).slice(0, this.#listLimit)];
      }
    }
  }
}

function runOf(definition: string, pointer: LivePointer, base: LivePointer | null): Run {
  return {
    generation: pointer.generation,
    definition,
    status: 'published',
    partitions: [...pointer.cut.partitions.keys()],
    imports: pointer.cut.imports,
    barrierAtMs: pointer.barrierAtMs,
    cut: pointer.cut.partitions,
    beganPublishingAtMs: pointer.publishedAtMs,
    publishedAtMs: pointer.publishedAtMs,
    base: base?.generation ?? null,
    excluded: pointer.excluded,
    snapshot: null,
    reason: null,
    steps: [],
  };
}
