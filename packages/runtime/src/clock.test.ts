import { expect, test } from 'vitest';
import { manualClock, systemClock } from './clock.ts';

test('the manual clock stands still until it is moved, both ways', () => {
  const clock = manualClock(1000);
  expect(clock.now()).toBe(1000);
  clock.advance(500);
  expect(clock.now()).toBe(1500);
  clock.set(10);
  expect(clock.now()).toBe(10);
});

test('the system clock tells UTC milliseconds', () => {
  const before = Date.now();
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
});
