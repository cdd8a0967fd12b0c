import { MemoryTopic, openMemoryLog } from '@tidemark/log/testing';
import { define } from '@tidemark/metrics';
import { manualClock } from '@tidemark/runtime';
import type { Views } from '@tidemark/views';
import { openMemoryViews } from '@tidemark/views/testing';
import { beforeEach, expect, it } from 'vitest';
import { SpeedLayer } from './speed-layer.ts';

const FIRST_MS = Date.UTC(2026, 4, 1);
const GATHER_MS = 200;

let clock: ReturnType<typeof manualClock>;
let topic: MemoryTopic;
let views: Views;
let layer: SpeedLayer;

/** A layer that begins so long after everything was appended. */
async function behind(lagMs: number): Promise<void> {
  for (let n = 0; n < 100; n++) topic.append({ partition: 0, key: null, value: new Uint8Array([n]) });
  clock.advance(lagMs);
  layer = new SpeedLayer({
    log: openMemoryLog(topic),
    views,
    definition: define('USD'),
    clock,
    gatherMs: GATHER_MS,
    stateCache: 1,
  });
  await layer.assigned(0);
}

/** Takes the next record so much later; answers how far what it wrote goes. */
async function recordAfter(ms: number, level = false): Promise<bigint | null> {
  clock.advance(ms);
  const batch = topic.read(0, layer.progress().get(0)?.next ?? 0n, 1);
  await layer.records(0, { ...batch, level });
  // What goes on behind its back waits for nothing here.
  await settled();
  return (await views.positions()).get(0)?.offset ?? null;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(async () => {
  clock = manualClock(FIRST_MS);
  topic = new MemoryTopic(1, clock);
  views = await openMemoryViews().open(define('USD'));
});

it('gathers as long as it is told to while it is hardly behind', async () => {
  await behind(0);
  expect(await recordAfter(GATHER_MS - 1)).toBe(null);
  expect(await recordAfter(1)).toBe(1n);
  expect(await recordAfter(GATHER_MS - 1)).toBe(1n);
});

it('gathers for half of its lag when it is far behind, and writes at once when it is level', async () => {
  await behind(2_000);
  expect(await recordAfter(900)).toBe(null);
  expect(await recordAfter(1_200)).toBe(1n);
  expect(await recordAfter(1_500)).toBe(1n);
  expect(await recordAfter(0, true)).toBe(3n);
});

it('writes what it gathered when it hears of the end of the log alone', async () => {
  await behind(20_000);
  expect(await recordAfter(100)).toBe(null);
  await layer.records(0, { records: [], next: 1n, level: true });
  expect((await views.positions()).get(0)?.offset).toBe(0n);
});

it('never gathers for more than five seconds, however far behind it is', async () => {
  await behind(3_600_000);
  expect(await recordAfter(4_999)).toBe(null);
  expect(await recordAfter(1)).toBe(1n);
});
