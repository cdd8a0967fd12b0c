import { expect, it } from 'vitest';
import { InFlight } from './in-flight.ts';

it('takes an item when its turn comes, and gives the results in the order of the items', async () => {
  const inFlight = new InFlight(2);
  let taken = 0;
  const most: number[] = [];
  const items = function* () {
    for (; taken < 10; taken++) yield taken;
  };
  let running = 0;
  const results = await inFlight.map(items(), (item) =>
    inFlight.run(async () => {
      most.push(++running);
      // The later ones of two are done first.
      await new Promise((resolve) => setImmediate(resolve));
      if (item % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(taken - item).toBeLessThanOrEqual(2);
      running -= 1;
      return item * 10;
    }),
  );
  expect(results).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
  expect(Math.max(...most)).toBe(2);
});

it('begins nothing more after a failure, of the work or of the items, and ends when all has ended', async () => {
  const inFlight = new InFlight(2);
  const begun: number[] = [];
  const ended: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    await new Promise((resolve) => setImmediate(resolve));
    ended.push(item);
    if (item === 1) throw new Error('no');
  };
  await expect(inFlight.map([0, 1, 2, 3, 4, 5], work)).rejects.toThrow('no');
  expect(begun).toEqual(ended);
  expect(begun).not.toContain(5);
  const broken = function* () {
    yield 7;
    throw new Error('no item');
  };
  await expect(inFlight.map(broken(), work)).rejects.toThrow('no item');
  expect(ended).toContain(7);
});
