import { expect, test } from 'vitest';
import { newest } from './lineage.ts';
import { moveTo, type Publication, pause, publishNext, raiseFloor, resume } from './live-pointer.ts';
import type { LivePointer } from './port.ts';

const cut = (imports = 0, ...offsets: bigint[]) => ({
  partitions: new Map(offsets.map((offset, partition) => [partition, offset])),
  imports,
});

function next(
  generation: number,
  base: number | null,
  began: readonly number[],
  over: Partial<Publication> = {},
): Publication {
  return {
    generation,
    base,
    logId: 'log 1',
    cut: cut(0, 10n),
    began,
    barrierAtMs: generation * 1000,
    publishedAtMs: generation * 1000 + 1,
    ...over,
  };
}

const code = (rule: string) => expect.objectContaining({ code: `TIDEMARK_POINTER_${rule}`, retryable: false });

test('the first generation is its own floor and excludes whatever began before it', () => {
  expect(publishNext(null, next(3, null, [1, 2, 3]))).toEqual({
    generation: 3,
    floor: 3,
    excluded: [1, 2],
    logId: 'log 1',
    cut: cut(0, 10n),
    barrierAtMs: 3000,
    publishing: 'on',
    publishedAtMs: 3001,
  });
});

test("a generation's list is its base's and every number between them that began", () => {
  const first = publishNext(null, next(2, null, [1, 2]));
  const second = publishNext(first, next(6, 2, [6, 4, 1, 2, 3]));
  expect(second.excluded).toEqual([1, 3, 4]);
  expect(second.floor).toBe(2);
  expect(newest([1, 2, 3, 4], second)).toBe(2);
});

test('after a rollback the generation that was left is no ancestor of the next', () => {
  const one = publishNext(null, next(1, null, [1]));
  const two = publishNext(one, next(2, 1, [1, 2]));
  const back = moveTo(two, one, 9000);
  expect(back).toEqual({ ...one, publishing: 'paused', publishedAtMs: 9000 });
  expect(() => publishNext(back, next(3, 1, [1, 2, 3]))).toThrow(code('PAUSED'));
  const three = publishNext(resume(back), next(3, 1, [1, 2, 3]));
  expect(three.excluded).toEqual([2]);
  expect(moveTo(three, two, 9001).excluded).toEqual([]);
});

test('a generation compared with another than the live one is not published', () => {
  const one = publishNext(null, next(1, null, [1]));
  const two = publishNext(one, next(2, 1, [1, 2]));
  expect(() => publishNext(two, next(3, 1, [1, 2, 3]))).toThrow(code('BASE'));
  expect(() => publishNext(two, next(3, null, [1, 2, 3]))).toThrow(code('BASE'));
  expect(() => publishNext(null, next(3, 2, [3]))).toThrow(code('BASE'));
});

test('only a number above all that began is published for the first time', () => {
  const one = publishNext(null, next(1, null, [1]));
  expect(() => publishNext(one, next(2, 1, [1, 2, 3]))).toThrow(code('SUPERSEDED'));
  expect(() => publishNext(one, next(1, 1, [1]))).toThrow(code('SUPERSEDED'));
  expect(() => publishNext(null, next(2, null, [2, 5]))).toThrow(code('SUPERSEDED'));
});

test('a cut never loses a partition, an offset or an import of its base', () => {
  const one = publishNext(null, next(1, null, [1], { cut: cut(4, 10n, 20n) }));
  for (const less of [cut(4, 10n), cut(4, 10n, 19n), cut(3, 10n, 20n)]) {
    expect(() => publishNext(one, next(2, 1, [1, 2], { cut: less }))).toThrow(code('CUT'));
  }
  const more = { cut: cut(4, 10n, 20n, 0n) };
  expect(publishNext(one, next(2, 1, [1, 2], more)).generation).toBe(2);
  expect(() => publishNext(one, next(2, 1, [1, 2], { ...more, logId: 'log 2' }))).toThrow(code('CUT'));
});

test('the floor never falls, nor passes the live generation, and nothing below it is moved to', () => {
  const one = publishNext(null, next(1, null, [1]));
  const two = publishNext(one, next(2, 1, [1, 2]));
  const raised = raiseFloor(two, 2);
  expect(raised.floor).toBe(2);
  expect(raiseFloor(raised, 2)).toEqual(raised);
  expect(() => raiseFloor(raised, 1)).toThrow(code('FLOOR'));
  expect(() => raiseFloor(two, 3)).toThrow(code('FLOOR'));
  expect(() => moveTo(raised, one, 1)).toThrow(code('FLOOR'));
  expect(publishNext(raised, next(3, 2, [1, 2, 3])).floor).toBe(2);
});

test('a pointer that came back is not equal to one that never moved', () => {
  const one = publishNext(null, next(1, null, [1]));
  const two = publishNext(one, next(2, 1, [1, 2]));
  expect(resume(moveTo(two, one, 9000))).not.toEqual(one);
});

test('pausing and going on change nothing else', () => {
  const one: LivePointer = publishNext(null, next(1, null, [1]));
  expect(pause(one)).toEqual({ ...one, publishing: 'paused' });
  expect(resume(pause(one))).toEqual(one);
});
