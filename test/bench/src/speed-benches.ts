import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { type FoldStore, PartitionFold } from '@tidemark/speed-layer';
import type { DeltaKey, DeltaRow, Position, Views } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import { type Bench, type Figures, type Place, rate, ratioAtLeast, scaled } from './bench.ts';
import { type CustomerOf, chunks, orderRecords, uniform, zipf } from './events.ts';

const PAGE = 2_000;

type Flush = { readonly touched: readonly DeltaKey[]; readonly rows: readonly DeltaRow[]; readonly position: Position };

const CUSTOMERS = 5_000;

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
  for (const batch of chunks(records, 1_000)) await log.append(batch);

  const store = await openViews(await place.views());
  const flushes: Flush[] = [];
  const fold = new PartitionFold({
    definition,
    views: recording(await store.open(definition), flushes),
    partition: 0,
    logId: await log.identity(),
    position: null,
    cacheLimit: 100_000,
  });
  const decoder = new TextDecoder();
  const value = await rate(records.length, async () => {
    for (let from = 0n; ; ) {
      const page = await log.read(0, from, { maxRecords: PAGE, waitMs: 0 });
      if (page.records.length === 0) return;
      await fold.fold(page.records);
      await fold.flush();
      from = page.next;
    }
  });
  await store.close();

  const bareStore = await openViews(await place.views());
  const bare = await bareStore.open(definition);
  const baseline = await rate(records.length, async () => {
    let from = 0n;
    for (const { touched, rows, position } of flushes) {
      const page = await log.read(0, from, { maxRecords: PAGE, waitMs: 0 });
      for (const record of page.records) JSON.parse(decoder.decode(record.value ?? new Uint8Array()));
      if (touched.length > 0) await bare.writeTouched(touched);
      await bare.writeDeltas(rows);
      await bare.writePosition(0, position);
      from = page.next;
    }
  });
  await bareStore.close();
  await log.close();
  return { value, baseline };
}

/** The views, with what each flush writes kept: states are copied, for the fold goes on with them. */
function recording(views: Views, flushes: Flush[]): FoldStore {
  let touched: readonly DeltaKey[] = [];
  let rows: readonly DeltaRow[] = [];
  return {
    positions: () => views.positions(),
    loadDeltas: (keys) => views.loadDeltas(keys),
    writeTouched: (keys) => {
      touched = keys;
      return views.writeTouched(keys);
    },
    writeDeltas: (written) => {
      rows = [...rows, ...written.map((row) => ({ ...row, state: [...row.state] }))];
      return views.writeDeltas(written);
    },
    writeDeadLetters: (letters) => views.writeDeadLetters(letters),
    writePosition: (partition, position) => {
      flushes.push({ touched, rows, position });
      touched = [];
      rows = [];
      return views.writePosition(partition, position);
    },
  };
}
