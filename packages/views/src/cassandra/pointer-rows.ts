import type { LivePointer, Serving } from '../port.ts';
import type { ComparedTable } from './compared-row.ts';
import { EMPTY, int32Bytes, int64Bytes, listBytes, mapBytes, textBytes } from './wire-bytes.ts';
import { bigintOf, entriesOf, millisecondsOf, numberOf, numbersOf, textOf } from './wire-value.ts';

export const POINTER: ComparedTable<LivePointer> = {
  table: 'live_pointer',
  key: 'definition',
  columns: ['generation', 'floor', 'excluded', 'log_id', 'cut', 'imports', 'barrier_at', 'publishing', 'published_at'],
  encode: ({ generation, floor, excluded, logId, cut, barrierAtMs, publishing, publishedAtMs }) => [
    int32Bytes(generation),
    int32Bytes(floor),
    listBytes(excluded.map(int32Bytes)),
    textBytes(logId),
    mapBytes([...cut.partitions].map(([partition, offset]) => [int32Bytes(partition), int64Bytes(offset)])),
    int32Bytes(cut.imports),
    int64Bytes(BigInt(barrierAtMs)),
    textBytes(publishing),
    int64Bytes(BigInt(publishedAtMs)),
  ],
  decode: (row) => ({
    generation: numberOf(row.generation),
    floor: numberOf(row.floor),
    excluded: numbersOf(row.excluded),
    logId: textOf(row.log_id),
    cut: {
      partitions: new Map(entriesOf(row.cut).map(([partition, offset]) => [numberOf(partition), bigintOf(offset)])),
      imports: numberOf(row.imports),
    },
    barrierAtMs: millisecondsOf(row.barrier_at),
    publishing: textOf(row.publishing) === 'on' ? 'on' : 'paused',
    publishedAtMs: millisecondsOf(row.published_at),
  }),
};

export const SERVING: ComparedTable<Serving> = {
  table: 'serving',
  key: 'only',
  columns: ['serving', 'previous', 'until'],
  encode: ({ serving, previous, untilMs }) => [
    textBytes(serving),
    previous === null ? EMPTY : textBytes(previous),
    untilMs === null ? EMPTY : int64Bytes(BigInt(untilMs)),
  ],
  decode: ({ serving, previous, until }) => ({
    serving: textOf(serving),
    previous: textOf(previous) === '' ? null : textOf(previous),
    untilMs: until === null ? null : millisecondsOf(until),
  }),
};

/** The key of the one row of `serving`. */
export const ONLY = int32Bytes(0);

export const samePointer =
  (expected: LivePointer | null) =>
  (found: LivePointer | null): boolean =>
    pointerText(found) === pointerText(expected);

export const sameServing =
  (expected: Serving | null) =>
  (found: Serving | null): boolean =>
    servingText(found) === servingText(expected);

/** Equal for equal pointers, whatever order their partitions came in. */
function pointerText(pointer: LivePointer | null): string {
  if (pointer === null) return 'null';
  const { generation, floor, excluded, logId, cut, barrierAtMs, publishing, publishedAtMs } = pointer;
  const offsets = [...cut.partitions]
    .sort(([a], [b]) => a - b)
    .map(([partition, offset]) => [partition, offset.toString()]);
  return JSON.stringify([
    generation,
    floor,
    excluded,
    logId,
    offsets,
    cut.imports,
    barrierAtMs,
    publishing,
    publishedAtMs,
  ]);
}

function servingText(serving: Serving | null): string {
  return serving === null ? 'null' : JSON.stringify([serving.serving, serving.previous, serving.untilMs]);
}
