import type { LivePointer, Serving } from '../port.ts';
import type { Database, Row } from './database.ts';
import { SCHEMA } from './schema.ts';
import { arrayText, countsText, timestampText } from './wire-text.ts';
import { entriesOf, millisecondsOf, numberOf, numbersOf, textOf } from './wire-value.ts';

/*
 * The rows that are changed by compare-and-set alone. One statement compares the whole row and writes it: of two that race,
 * the later waits for the earlier's row and then finds it changed.
 */

const POINTER_COLUMNS = 'generation, floor, excluded, log_id, cut, imports, barrier_at, publishing, published_at';
const POINTER_TYPES = [
  'integer',
  'integer',
  'integer[]',
  'text',
  'jsonb',
  'integer',
  'timestamptz',
  'text',
  'timestamptz',
];
const pointerValues = (first: number): string =>
  POINTER_TYPES.map((type, index) => `$${first + index}::${type}`).join(', ');

const SELECT_POINTER = `SELECT ${POINTER_COLUMNS} FROM ${SCHEMA}.live_pointer WHERE definition = $1`;
const INSERT_POINTER = `INSERT INTO ${SCHEMA}.live_pointer (definition, ${POINTER_COLUMNS})
  VALUES ($1, ${pointerValues(2)}) ON CONFLICT DO NOTHING`;
const UPDATE_POINTER = `UPDATE ${SCHEMA}.live_pointer SET (${POINTER_COLUMNS}) = (${pointerValues(2)})
  WHERE definition = $1 AND (${POINTER_COLUMNS}) = (${pointerValues(2 + POINTER_TYPES.length)})`;

export async function readPointer(database: Database, set: string): Promise<LivePointer | null> {
  const [row] = await database.run('pointer', SELECT_POINTER, [set]);
  return row === undefined ? null : decodePointer(row);
}

export async function compareAndSetPointer(
  database: Database,
  set: string,
  expected: LivePointer | null,
  next: LivePointer,
): Promise<boolean> {
  const values = [set, ...encodePointer(next)];
  if (expected === null) return (await database.count('insert pointer', INSERT_POINTER, values)) === 1;
  return (await database.count('update pointer', UPDATE_POINTER, [...values, ...encodePointer(expected)])) === 1;
}

function encodePointer(pointer: LivePointer): readonly unknown[] {
  return [
    pointer.generation,
    pointer.floor,
    arrayText(pointer.excluded.map(String)),
    pointer.logId,
    countsText(pointer.cut.partitions),
    pointer.cut.imports,
    timestampText(pointer.barrierAtMs),
    pointer.publishing,
    timestampText(pointer.publishedAtMs),
  ];
}

function decodePointer([
  generation,
  floor,
  excluded,
  logId,
  cut,
  imports,
  barrierAt,
  publishing,
  publishedAt,
]: Row): LivePointer {
  return {
    generation: numberOf(generation),
    floor: numberOf(floor),
    excluded: numbersOf(excluded),
    logId: textOf(logId),
    cut: {
      partitions: new Map(entriesOf(cut).map(([partition, offset]) => [Number(partition), offset])),
      imports: numberOf(imports),
    },
    barrierAtMs: millisecondsOf(barrierAt),
    publishing: textOf(publishing) === 'on' ? 'on' : 'paused',
    publishedAtMs: millisecondsOf(publishedAt),
  };
}

const SELECT_SERVING = `SELECT serving, previous, until FROM ${SCHEMA}.serving`;
const INSERT_SERVING = `INSERT INTO ${SCHEMA}.serving (serving, previous, until)
  VALUES ($1::text, $2::text, $3::timestamptz) ON CONFLICT DO NOTHING`;
const UPDATE_SERVING = `UPDATE ${SCHEMA}.serving SET serving = $1::text, previous = $2::text, until = $3::timestamptz
  WHERE serving = $4::text AND previous IS NOT DISTINCT FROM $5::text AND until IS NOT DISTINCT FROM $6::timestamptz`;

export async function readServing(database: Database): Promise<Serving | null> {
  const [row] = await database.run('serving', SELECT_SERVING, []);
  if (row === undefined) return null;
  const [serving, previous, until] = row;
  return {
    serving: textOf(serving),
    previous: previous === null ? null : textOf(previous),
    untilMs: until === null ? null : millisecondsOf(until),
  };
}

export async function compareAndSetServing(
  database: Database,
  expected: Serving | null,
  next: Serving,
): Promise<boolean> {
  const encode = ({ serving, previous, untilMs }: Serving): readonly unknown[] => [
    serving,
    previous,
    untilMs === null ? null : timestampText(untilMs),
  ];
  if (expected === null) return (await database.count('insert serving', INSERT_SERVING, encode(next))) === 1;
  const values = [...encode(next), ...encode(expected)];
  return (await database.count('update serving', UPDATE_SERVING, values)) === 1;
}
