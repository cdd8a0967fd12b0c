import { manualClock } from '@tidemark/runtime';
import { expect, it } from 'vitest';
import { SpeedHealth } from './health.ts';

const STALL_MS = 60_000;

function layerWith(given: { readonly next: Record<number, bigint>; readonly end: Record<number, bigint> }) {
  const clock = manualClock();
  const next = new Map(Object.entries(given.next).map(([partition, at]) => [Number(partition), at]));
  const end = new Map(Object.entries(given.end).map(([partition, at]) => [Number(partition), at]));
  const group = { isMember: true, held: [...end.keys()] };
  const log = { isDown: false };
  const health = new SpeedHealth({
    layer: { progress: () => new Map([...next].map(([partition, at]) => [partition, { next: at }])) },
    log: {
      bounds: async () => {
        if (log.isDown) throw new Error('the log is down');
        return new Map([...end].map(([partition, at]) => [partition, { start: 0n, end: at }]));
      },
    },
    ticks: clock.now,
    stallMs: STALL_MS,
  });
  const follow = () => health.follow({ held: () => group.held, isMember: () => group.isMember });
  return { clock, next, end, group, log, health, follow };
}

it('is unhealthy until the group has told its share, which may be none', async () => {
  const { health, follow, group } = layerWith({ next: {}, end: { 0: 5n } });
  expect(await health.check()).toMatchObject({ ok: false });
  group.isMember = false;
  group.held = [];
  follow();
  expect(await health.check()).toMatchObject({ ok: false });
  group.isMember = true;
  expect(await health.check()).toEqual({ ok: true, partitions: [] });
});

it('is unhealthy when a partition stands still for the time given while the log has more, and well again when it moves', async () => {
  const { clock, next, health, follow } = layerWith({ next: { 0: 3n, 1: 7n }, end: { 0: 5n, 1: 7n } });
  follow();
  expect(await health.check()).toMatchObject({ ok: true });
  clock.advance(STALL_MS - 1);
  expect(await health.check()).toMatchObject({ ok: true });
  clock.advance(1);
  expect(await health.check()).toMatchObject({ ok: false, stalled: [0] });
  next.set(0, 4n);
  expect(await health.check()).toMatchObject({ ok: true });
});

it('is healthy however long nothing comes', async () => {
  const { clock, end, health, follow } = layerWith({ next: { 0: 5n }, end: { 0: 5n } });
  follow();
  await health.check();
  clock.advance(10 * STALL_MS);
  expect(await health.check()).toMatchObject({ ok: true });
  // A first record after hours is not hours behind.
  end.set(0, 6n);
  expect(await health.check()).toMatchObject({ ok: true });
});

it('is unhealthy when an assigned partition never begins', async () => {
  const { clock, health, follow } = layerWith({ next: {}, end: { 0: 0n } });
  follow();
  expect(await health.check()).toMatchObject({ ok: true });
  clock.advance(STALL_MS);
  expect(await health.check()).toMatchObject({ ok: false, stalled: [0] });
});

it('is unhealthy when it stays out of its group, but not for a log that does not answer', async () => {
  const { clock, group, log, health, follow } = layerWith({ next: { 0: 5n }, end: { 0: 5n } });
  follow();
  await health.check();
  group.isMember = false;
  group.held = [];
  log.isDown = true;
  clock.advance(STALL_MS);
  expect(await health.check()).toMatchObject({ ok: true, log: 'does not answer' });
  log.isDown = false;
  expect(await health.check()).toMatchObject({ ok: true });
  clock.advance(STALL_MS);
  expect(await health.check()).toMatchObject({ ok: false });
});
