import { compareUtf8 } from '@tidemark/contracts';

/** Sets of text as ascending arrays (by UTF-8 bytes, as every store sorts them), never written in place. */
export type TextSet = readonly string[];

export const EMPTY_SET: TextSet = Object.freeze([]);

/** The set with `value` in it; the same array when it was there. */
export function insert(set: TextSet, value: string): TextSet {
  const at = lowerBound(set, value);
  if (set[at] === value) return set;
  return [...set.slice(0, at), value, ...set.slice(at)];
}

export function union(a: TextSet, b: TextSet): TextSet {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  const merged: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i];
    const right = b[j];
    const order = left === undefined ? 1 : right === undefined ? -1 : compareUtf8(left, right);
    const next = order <= 0 ? left : right;
    if (next !== undefined) merged.push(next);
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return merged;
}

export function has(set: TextSet, value: string): boolean {
  return set[lowerBound(set, value)] === value;
}

export function intersects(a: TextSet, b: TextSet): boolean {
  const [small, large] = a.length < b.length ? [a, b] : [b, a];
  return small.some((value) => has(large, value));
}

function lowerBound(set: TextSet, value: string): number {
  let low = 0;
  let high = set.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const probe = set[middle];
    if (probe !== undefined && compareUtf8(probe, value) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
