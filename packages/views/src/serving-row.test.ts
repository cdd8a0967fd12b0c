import { expect, test } from 'vitest';
import { closeWayBack, forget, hasWayBack, type Serving, switchBack, switchTo } from './index.ts';

const alone: Serving = { serving: 'a', previous: null, untilMs: null };

test('what was served before can be gone back to until its time is over, and forth again', () => {
  const switched = switchTo(alone, 'b', 100);
  expect(switched).toEqual({ serving: 'b', previous: 'a', untilMs: 100 });
  expect([hasWayBack(switched, 99), hasWayBack(switched, 100), hasWayBack(alone, 0)]).toEqual([true, false, false]);
  const back = switchBack(switched, 99);
  expect(back).toEqual({ serving: 'a', previous: 'b', untilMs: 100 });
  expect(switchTo(back, 'b', 200)).toEqual({ serving: 'b', previous: 'a', untilMs: 200 });
  const refused = expect.objectContaining({ code: 'TIDEMARK_SERVING_NO_WAY_BACK' });
  expect(() => switchBack(switched, 100)).toThrow(refused);
  expect(() => switchBack(alone, 0)).toThrow(refused);
});

test('a definition is not forgotten by a switch to a third one: it would be kept for ever', () => {
  const switched = switchTo(alone, 'b', 100);
  expect(() => switchTo(switched, 'c', 200)).toThrow(expect.objectContaining({ code: 'TIDEMARK_SERVING_KEPT' }));
  expect(switchTo(forget(closeWayBack(switched)), 'c', 200)).toEqual({ serving: 'c', previous: 'b', untilMs: 200 });
});

test('nobody goes to a definition that is being removed, whatever their clock says', () => {
  const closed = closeWayBack(switchTo(alone, 'b', 100));
  const refused = expect.objectContaining({ code: 'TIDEMARK_SERVING_NO_WAY_BACK' });
  expect(() => switchBack(closed, 0)).toThrow(refused);
  expect(() => switchTo(closed, 'a', 300)).toThrow(refused);
  // Its time was over, but its processes keep it up.
  expect(switchTo(switchTo(alone, 'b', 100), 'a', 300)).toEqual({ serving: 'a', previous: 'b', untilMs: 300 });
});
