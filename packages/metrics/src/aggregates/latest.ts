import { compareUtf8 } from '@tidemark/contracts';
import type { Aggregate } from '../aggregate.ts';
import type { ColumnValue } from '../column.ts';
import { numberAt, setAt, textAt } from '../state.ts';
import { EMPTY_SET, has, insert, union } from '../text-set.ts';

/**
 * The newest value of a field by (occurred_at, event_id); a row in which the field is absent says nothing, one in which
 * it is null clears it. A row taken back does not say when it was put in, so its value is remembered: while the answer
 * is that value, the answer is provisional.
 */
export const latest = (type: 'text' | 'int32'): Aggregate => ({
  kind: 'latest',
  exact: false,
  columns: (measure) => [
    { name: measure, type },
    { name: `${measure}_at`, type: 'timestamp' },
    { name: `${measure}_event_id`, type: 'text' },
    { name: `${measure}_taken`, type: 'text_set' },
  ],
  zero: () => [null, null, null, EMPTY_SET],
  add(state, at, input, sign) {
    if (input.value === undefined) return;
    if (input.value !== null && typeof input.value !== 'string' && typeof input.value !== 'number') {
      throw new TypeError('latest takes a text or an integer field');
    }
    if (sign === 1) replaceIfNewer(state, at, [input.value, input.occurredAt, input.eventId], 0);
    else state[at + 3] = insert(setAt(state, at + 3), canonical(input.value));
  },
  merge(into, at, from) {
    replaceIfNewer(into, at, from, at);
    into[at + 3] = union(setAt(into, at + 3), setAt(from, at + 3));
  },
  finish(state, at) {
    const value = state[at];
    if (value !== null && typeof value !== 'string' && typeof value !== 'number')
      throw new TypeError('not a state of latest');
    return { value, provisional: has(setAt(state, at + 3), canonical(value)) };
  },
  sql: ({ value, filter, occurredAt, eventId }) => {
    const order = `{time: ${occurredAt}, id: ${eventId}, known: ${value} IS NOT NULL, v: ${value}}`;
    const winner = `max(${order}) FILTER (WHERE ${filter})`;
    return [`(${winner}).v`, `make_timestamp_ms((${winner}).time)`, `(${winner}).id`, '[]::VARCHAR[]'];
  },
  scoreSql: () => null,
});

/** Puts the triple (value, at, id) standing at `fromAt` in place when it comes later; equal in both, the larger value. */
function replaceIfNewer(state: ColumnValue[], at: number, from: readonly ColumnValue[], fromAt: number): void {
  if (compareTriples(from, fromAt, state, at) <= 0) return;
  for (let column = 0; column < 3; column++) state[at + column] = from[fromAt + column] ?? null;
}

function compareTriples(a: readonly ColumnValue[], aAt: number, b: readonly ColumnValue[], bAt: number): number {
  const aTime = numberAt(a, aAt + 1);
  const bTime = numberAt(b, bAt + 1);
  if (aTime === null || bTime === null) return (aTime === null ? 0 : 1) - (bTime === null ? 0 : 1);
  if (aTime !== bTime) return aTime - bTime;
  const byId = compareUtf8(textAt(a, aAt + 2) ?? '', textAt(b, bAt + 2) ?? '');
  return byId !== 0 ? byId : compareValues(a[aAt] ?? null, b[bAt] ?? null);
}

/** Only a repeat beyond the window comes here with other content: any order serves that is the same everywhere. */
function compareValues(a: ColumnValue, b: ColumnValue): number {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareUtf8(String(a), String(b));
}

const canonical = (value: string | number | null): string => JSON.stringify(value);
