import { randomBytes } from 'node:crypto';
import { compareUtf8, isIdentifier } from '@tidemark/contracts';
import type { Column, ColumnType, ColumnValue } from '@tidemark/metrics';
import fc from 'fast-check';
import type { DeltaRow, LivePointer, Position, StoredState } from '../port.ts';

/** A column of every type there is. */
export const COLUMNS: readonly Column[] = [
  { name: 'order_count', type: 'int64' },
  { name: 'total_revenue', type: 'varint' },
  { name: 'birth_year', type: 'int32' },
  { name: 'last_order_date', type: 'timestamp' },
  { name: 'segment', type: 'text' },
  { name: 'campaigns_engaged', type: 'text_set' },
  { name: 'tickets_by_category', type: 'text_counts' },
  { name: 'tickets_30d', type: 'hour_counts' },
];

export function freshId(): string {
  return randomBytes(8).toString('hex');
}

/** A plain state that tells its number. */
export function sampleState(n: number): StoredState {
  return [
    BigInt(n),
    BigInt(n) * 100n,
    n,
    n * 1000,
    `segment ${n}`,
    [`campaign ${n}`],
    new Map([['billing', BigInt(n + 1)]]),
    new Map([[n, 1n]]),
  ];
}

export function sampleDelta(customerId: string, epoch: number, partition: number, lastOffset: bigint, n = 0): DeltaRow {
  return { customerId, epoch, partition, lastOffset, ids: new Uint8Array(8).fill(n), state: sampleState(n) };
}

export function samplePointer(generation: number, over: Partial<LivePointer> = {}): LivePointer {
  return {
    generation,
    floor: 1,
    excluded: [],
    cut: {
      partitions: new Map([
        [0, 100n],
        [1, 2n ** 62n],
      ]),
      imports: 2,
    },
    logId: 'log 1',
    barrierAtMs: 1_700_000_000_123,
    publishing: 'on',
    publishedAtMs: 1_700_000_001_456,
    ...over,
  };
}

export function samplePosition(offset: bigint, epoch = 0, previousEpoch: number | null = null): Position {
  return { offset, epoch, previousEpoch, fingerprint: `f${offset}`, logId: 'log' };
}

const INT64_MAX = 2n ** 63n - 1n;
const VARINT_MAX = 10n ** 38n - 1n;
const YEAR_3000 = Date.UTC(3000, 0, 1);

/** What stores and drivers are known to trip over, beside random text of all planes. */
const TRAPS = [
  '',
  ' ',
  '{}',
  '{',
  '}',
  'NULL',
  'null',
  '""',
  '"',
  "'",
  "''",
  '\\',
  '\\\\',
  '\\x00',
  '\\N',
  'a,b',
  '{a,"b"}',
  '[]',
  '😀',
  '\u{10FFFF}',
  '\uFFFD',
  '\uE000',
  'e\u0301',
  '\u00e9',
  '\u202e',
  '\n',
  '\t',
  '\r\n',
  '$1',
  '%s',
  '__proto__',
  'constructor',
  '0',
  '10',
  '9',
  '-1',
  'true',
  'ß',
  'İ',
  '\u0001',
  '\u007f',
];

const text = fc.oneof(
  fc.constantFrom(...TRAPS),
  fc.string({ unit: 'binary', maxLength: 12 }).map((given) => given.replaceAll('\0', '')),
);

const varint = fc.oneof(
  fc.constantFrom(VARINT_MAX, -VARINT_MAX, 0n, 2n ** 63n, -(2n ** 63n) - 1n),
  fc.bigInt(-VARINT_MAX, VARINT_MAX),
);

const count = varint.filter((value) => value !== 0n);

const byType: Record<ColumnType, fc.Arbitrary<ColumnValue>> = {
  int64: fc.oneof(fc.constantFrom(INT64_MAX, -INT64_MAX - 1n, 0n, -1n), fc.bigInt(-INT64_MAX - 1n, INT64_MAX)),
  varint: fc.option(varint),
  int32: fc.option(fc.oneof(fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 0), fc.integer())),
  timestamp: fc.option(
    fc.oneof(
      fc.constantFrom(0, YEAR_3000 - 1, YEAR_3000, 253_402_300_800_000, 8_640_000_000_000_000, -1, -62_135_596_800_000),
      fc.integer({ min: 0, max: YEAR_3000 }),
    ),
  ),
  text: fc.option(text),
  text_set: fc.option(fc.uniqueArray(text, { maxLength: 6 }).map((given) => given.toSorted(compareUtf8))),
  text_counts: fc.option(fc.array(fc.tuple(text, count), { maxLength: 6 }).map((entries) => new Map(entries))),
  hour_counts: fc.option(fc.array(fc.tuple(fc.integer(), count), { maxLength: 6 }).map((entries) => new Map(entries))),
};

/** Any state that the columns may hold. */
export function arbitraryState(columns: readonly Column[]): fc.Arbitrary<StoredState> {
  return fc.tuple(...columns.map(({ type }) => byType[type]));
}

/** Ids as contracts accept them. */
export const arbitraryCustomerId: fc.Arbitrary<string> = text.filter(isIdentifier);

/** Runs a property with the seed of the run, `TIDEMARK_SEED` if it is set; fast-check prints it when the property fails. */
export async function assertProperty<T>(property: fc.IAsyncProperty<T>, runs: number): Promise<void> {
  const seed = process.env.TIDEMARK_SEED;
  await fc.assert(property, seed === undefined ? { numRuns: runs } : { numRuns: runs, seed: Number(seed) });
}
