import type { EventLog } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { type Definition, define } from '@tidemark/metrics';
import { type FoldStore, PartitionFold } from '@tidemark/speed-layer';
import type { DeltaKey, DeltaRow, Position, Views } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { type Bench, type Figures, type Place, rate, ratioAtLeast, scaled } from './bench.ts';
import { type CustomerOf, chunks, orderRecords, uniform, zipf } from './events.ts';

const PAGE = 2_000;

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

/** One partition read, folded and flushed page by page, against the same reads, JSON.parse, and the very same upserts. */
async function run(place: Place, customerOf: CustomerOf): Promise<Figures> {
  const records = orderRecords(scaled(200_000, place), customerOf);
  const definition = define('USD');
  const log = await openLog(await place.log(), { partitions: 1 });
  try {
    for (const batch of chunks(records, 1_000)) await log.append(batch);
    const flushes: Flush[] = [];
    await foldAll(log, definition, recorder(flushes));

    const value = await withViews(place, definition, (views) =>
      rate(records.length, () => foldAll(log, definition, views)),
    );
    const baseline = await withViews(place, definition, (views) =>
      rate(records.length, () => upsertAll(log, flushes, views)),
    );
    return { value, baseline };
  } finally {
    await log.close();
  }
}

async function foldAll(log: EventLog, definition: Definition, views: FoldStore): Promise<void> {
  const logId = await log.identity();
  const fold = new PartitionFold({ definition, views, partition: 0, logId, position: null, cacheLimit: CACHE_LIMIT });
  for (let from = 0n; ; ) {
    const page = await log.read(0, from, { maxRecords: PAGE, waitMs: 0 });
    if (page.records.length === 0) return;
    await fold.fold(page.records);
    await fold.flush();
    from = page.next;
  }
}

async function upsertAll(log: EventLog, flushes: readonly Flush[], views: Views): Promise<void> {
  const decoder = new TextDecoder();
  let from = 0n;
  for (const { touched, rows, position } of flushes) {
    const page = await log.read(0, from, { maxRecords: PAGE, waitMs: 0 });
    for (const record of page.records) JSON.parse(decoder.decode(record.value ?? new Uint8Array()));
    if (touched.length > 0) await views.writeTouched(touched);
    await views.writeDeltas(rows);
    await views.writePosition(0, position);
    from = page.next;
  }
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
function recorder(flushes: Flush[]): FoldStore {
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
      // States are copied, for the fold goes on with them.
      rows = [...rows, ...written.map((row) => ({ ...row, state: [...row.state] }))];
    },
    writeDeadLetters: async () => {},
    writePosition: async (_, position) => {
      flushes.push({ touched, rows, position });
      touched = [];
      rows = [];
    },
  };
}
