import type { LivePointer, Serving, ViewStore } from '@tidemark/views';
import { openMemoryViews } from '@tidemark/views/testing';
import { beforeEach, expect, test } from 'vitest';
import { goBack, switchDefinition } from './switch.ts';

const [OLD, NEW, THIRD] = ['aaaa', 'bbbb', 'cccc'] as const;
const COLUMNS = [{ name: 'order_count', type: 'int64' }] as const;

const POINTER: LivePointer = {
  generation: 3,
  floor: 3,
  excluded: [],
  cut: { partitions: new Map(), imports: 0 },
  logId: 'log',
  barrierAtMs: 0,
  publishing: 'on',
  publishedAtMs: 0,
};

let store: ViewStore;
let nowMs: number;

beforeEach(async () => {
  store = openMemoryViews();
  nowMs = 1_000;
  for (const id of [OLD, NEW]) await (await views(id)).compareAndSetPointer(null, POINTER);
  await store.compareAndSetServing(null, { serving: OLD, previous: null, untilMs: null });
});

const views = (id: string) => store.open({ id, columns: COLUMNS });
const times = (waitMs = 0) => ({ nowMs: () => nowMs, keepMs: 500, waitMs });
const folded = async (id: string, partition: number, offset: bigint): Promise<void> =>
  (await views(id)).writePosition(partition, { offset, epoch: 3, previousEpoch: 0, fingerprint: 'x', logId: 'y' });

test('a definition is served when it is as far as the one served, in every partition, and not before', async () => {
  await folded(OLD, 0, 7n);
  await folded(OLD, 1, 4n);
  await folded(NEW, 0, 6n);
  await expect(switchDefinition(store, NEW, times())).rejects.toMatchObject({
    code: 'TIDEMARK_DEFINITION_NOT_READY',
    message: expect.stringMatching(/partition 0 is folded up to offset 6, not 7; nothing of partition 1 is folded/),
  });
  expect(await store.serving()).toMatchObject({ serving: OLD });
  await folded(NEW, 0, 8n);
  await folded(NEW, 1, 4n);
  const switched: Serving = { serving: NEW, previous: OLD, untilMs: 1_500 };
  expect(await switchDefinition(store, NEW, times())).toEqual(switched);
  expect(await switchDefinition(store, NEW, times())).toEqual(switched);

  // Back only while the old one is kept up, and its time is not over.
  await expect(goBack(store, times())).rejects.toMatchObject({ code: 'TIDEMARK_DEFINITION_NOT_READY' });
  await folded(OLD, 0, 8n);
  expect(await goBack(store, times())).toEqual({ serving: OLD, previous: NEW, untilMs: 1_500 });
  nowMs = 1_500;
  await expect(goBack(store, times())).rejects.toMatchObject({ code: 'TIDEMARK_SERVING_NO_WAY_BACK' });
});

test('a switch waits for a speed view that comes level meanwhile', async () => {
  await folded(OLD, 0, 7n);
  await folded(NEW, 0, 6n);
  const switching = switchDefinition(store, NEW, times(60_000));
  await folded(NEW, 0, 7n);
  expect(await switching).toMatchObject({ serving: NEW });
});

test('what has no tables, no generation or comes third is not served', async () => {
  const refused = (target: string) => expect(switchDefinition(store, target, times())).rejects;
  await refused('dddd').toMatchObject({ message: expect.stringContaining('it has no tables') });
  await views(THIRD);
  await refused(THIRD).toMatchObject({ message: expect.stringContaining('no live generation') });
  await (await views(THIRD)).compareAndSetPointer(null, POINTER);
  await switchDefinition(store, NEW, times());
  await refused(THIRD).toMatchObject({ code: 'TIDEMARK_SERVING_KEPT' });
});

test('of two who switch at once one is told', async () => {
  const row = await store.serving();
  const racing: ViewStore = {
    ...store,
    serving: async () => row,
    compareAndSetServing: async (expected, next) => {
      await store.compareAndSetServing(row, { serving: THIRD, previous: OLD, untilMs: 9 });
      return store.compareAndSetServing(expected, next);
    },
  };
  await expect(switchDefinition(racing, NEW, times())).rejects.toMatchObject({
    code: 'TIDEMARK_DEFINITION_MOVED',
    retryable: true,
  });
});
