import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventIdHash, IdWindow, REPEAT_CAP } from './id-window.ts';

const id = (n: number) => eventIdHash(`event-${n}`);

function windowOf(count: number): IdWindow {
  const window = IdWindow.empty();
  for (let n = 0; n < count; n++) window.enter(id(n));
  return window;
}

test('an id is the first eight bytes of the SHA-256 of its UTF-8', () => {
  const bytes = createHash('sha256').update('\u{1F600}', 'utf8').digest().subarray(0, 8);
  expect(Buffer.from(eventIdHash('\u{1F600}'), 'latin1')).toEqual(bytes);
});

test('a thousand ids are remembered, then the oldest goes', () => {
  expect(REPEAT_CAP).toBe(1_000);
  const full = windowOf(REPEAT_CAP);
  expect(full.has(id(0))).toBe(true);
  full.enter(id(REPEAT_CAP));
  expect([full.size, full.has(id(0)), full.has(id(1)), full.has(id(REPEAT_CAP))]).toEqual([1_000, false, true, true]);
});

test('an id that comes again becomes the newest', () => {
  const full = windowOf(REPEAT_CAP);
  full.enter(id(0));
  expect(full.size).toBe(REPEAT_CAP);
  full.enter(id(REPEAT_CAP));
  expect([full.has(id(0)), full.has(id(1))]).toEqual([true, false]);
});

test('encoding keeps the ids and their order, eight bytes each', () => {
  const full = windowOf(REPEAT_CAP);
  full.enter(id(5));
  const bytes = full.encode();
  expect(bytes.byteLength).toBe(REPEAT_CAP * 8);
  const back = IdWindow.decode(bytes);
  expect(back.encode()).toEqual(bytes);
  back.enter(id(REPEAT_CAP));
  expect([back.has(id(0)), back.has(id(5))]).toEqual([false, true]);
  // A store may hand out a view into a larger buffer.
  expect(IdWindow.decode(Buffer.concat([Buffer.from('xyz'), bytes]).subarray(3)).encode()).toEqual(bytes);
  expect(IdWindow.decode(new Uint8Array()).size).toBe(0);
});

test('encoding again and again says each time what is remembered, and leaves what was handed out as it was', () => {
  const ids = Array.from({ length: 4_000 }, (_, n) => id(n));
  const run = fc.tuple(fc.nat(2_500), fc.constantFrom(1, 300, 700, 1_500));
  fc.assert(
    fc.property(fc.array(run, { minLength: 1, maxLength: 8 }), (runs) => {
      const window = IdWindow.empty();
      const entered = new Set<string>();
      let handedOut: readonly [Uint8Array, Buffer] | null = null;
      for (const [from, count] of runs) {
        for (const each of ids.slice(from, from + count)) {
          window.enter(each);
          entered.delete(each);
          entered.add(each);
        }
        const bytes = window.encode();
        const remembered = Buffer.from([...entered].slice(-REPEAT_CAP).join(''), 'latin1');
        expect(remembered.equals(bytes)).toBe(true);
        expect(handedOut?.[1].equals(handedOut[0]) ?? true).toBe(true);
        handedOut = [bytes, remembered];
      }
    }),
  );
});

test('bytes that are no whole ids are refused', () => {
  expect(() => IdWindow.decode(new Uint8Array(9))).toThrow(RangeError);
});
