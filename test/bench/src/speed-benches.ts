import { randomUUID } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import type { EventLog } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { type Definition, define } from '@tidemark/metrics';
import { manualClock } from '@tidemark/runtime';
import { type FoldStore, SpeedLayer } from '@tidemark/speed-layer';
import type { DeltaKey, DeltaRow, Position, Views } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { type Bench, type Figures, type Place, rate, ratioAtLeast, scaled } from './bench.ts';
import { type CustomerOf, chunks, orderRecords, uniform, zipf } from './events.ts';

/** Kept as bytes: as objects, all that was ever written would be in the way of the garbage collector in everything measured. */
type Recorded = Buffer;
type Flush = { readonly touched: readonly DeltaKey[]; readonly rows: readonly DeltaRow[]; readonly position: Position };

const CUSTOMERS = 5_000;
/** More than there are customers. */
const CACHE_LIMIT = 100_000;

const bench = (name: string, customerOf: (customers: number) => CustomerOf): Bench => ({
  name,
  unit: 'events/s',
  against: 'read, JSON.parse, same upserts',
  goal: ratioAtLeast(0.8),
  run: (place) => run(place, customerOf(scaled(CUSTOMERS, place))),
});

export const speedBenches: readonly Bench[] = [bench('speed-uniform', uniform), bench('speed-zipf', zipf)];

/**
 * The speed layer's handler on one partition of a full log, flushing after each batch, against the same reads, JSON.parse,
 * and the very same upserts.
 */
async function run(place: Place, customerOf: CustomerOf): Promise<Figures> {
  const count = scaled(200_000, place);
  const definition = define('USD');
  const log = await openLog(await place.log(), { partitions: 1 });
  try {
    for (const batch of chunks(orderRecords(count, customerOf), 1_000)) await log.append(batch);
    const flushes: Recorded[] = [];
    await foldAll(log, definition, recorder(flushes));

    const value = await withViews(place, definition, (views) => rate(count, () => foldAll(log, definition, views)));
    const upsertsMs = await withViews(place, definition, (views) => upsertAll(log, flushes, views));
    return { value, baseline: (count / upsertsMs) * 1000 };
  } finally {
    await log.close();
  }
}

/** Resolves when everything is in the store. */
async function foldAll(log: EventLog, definition: Definition, views: FoldStore): Promise<void> {
  // By a clock that stands still before the first record nothing is behind, so that no batch waits for the next one.
  const layer = new SpeedLayer({ log, views, definition, clock: manualClock(), gatherMs: 0, stateCache: CACHE_LIMIT });
  let arrive = () => {};
  const level = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const consumer = await log.consume(`bench-${randomUUID()}`, {
    assigned: (partition) => layer.assigned(partition),
    revoked: (partition) => layer.revoked(partition),
    records: async (partition, batch) => {
      await layer.records(partition, batch);
      if (batch.level) arrive();
    },
  });
  try {
    await Promise.race([level, consumer.done]);
  } finally {
    await consumer.stop();
  }
}

/** Answers the milliseconds that it took, without making objects of what was recorded. */
async function upsertAll(log: EventLog, flushes: readonly Recorded[], views: Views): Promise<number> {
  const decoder = new TextDecoder();
  let from = 0n;
  let spentMs = 0;
  for (const recorded of flushes) {
    const { touched, rows, position }: Flush = deserialize(recorded);
    const began = performance.now();
    const page = await log.read(0, from, { maxRecords: Number(position.offset - from) + 1, waitMs: 0 });
    for (const record of page.records) JSON.parse(decoder.decode(record.value ?? new Uint8Array()));
    if (touched.length > 0) await views.writeTouched(touched);
    await views.writeDeltas(rows);
    await views.writePosition(0, position);
    from = page.next;
    spentMs += performance.now() - began;
  }
  return spentMs;
}

async function withViews<T>(place: Place, definition: Definition, work: (views: Views) => Promise<T>): Promise<T> {
  const store = await openViews(await place.views());
  try {
    return await work(await store.open(definition));
  } finally {
    await store.close();
  }
}

/** A store that only keeps what each flush writes: the cache holds every state, so that nothing is asked of it. */
function recorder(flushes: Recorded[]): FoldStore {
  let touched: readonly DeltaKey[] = [];
  let rows: readonly DeltaRow[] = [];
  return {
    pointer: async () => null,
    positions: async () => new Map(),
    loadDeltas: async () => [],
    writeTouched: async (keys) => {
      touched = keys;
    },
    writeDeltas: async (written) => {
      rows = [...rows, ...written];
    },
    writeDeadLetters: async () => {},
    writePosition: async (_, position) => {
      flushes.push(serialize({ touched, rows, position } satisfies Flush));
      touched = [];
      rows = [];
    },
  };
}
