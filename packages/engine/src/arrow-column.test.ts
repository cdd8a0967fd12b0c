import type { Column, ColumnValue } from '@tidemark/metrics';
import { RecordBatchReader, RecordBatchStreamWriter } from 'apache-arrow';
import { expect, it } from 'vitest';
import { fromRecordBatch, toRecordBatch } from './arrow-column.ts';

const COLUMNS: readonly Column[] = [
  { name: 'whole', type: 'int64' },
  { name: 'big', type: 'varint' },
  { name: 'small', type: 'int32' },
  { name: 'at', type: 'timestamp' },
  { name: 'name', type: 'text' },
  { name: 'names', type: 'text_set' },
  { name: 'by_name', type: 'text_counts' },
  { name: 'by_hour', type: 'hour_counts' },
];

const row = (customerId: string, ...state: ColumnValue[]) => ({ customerId, gone: false, state });
const counts = <K>(...entries: [K, bigint][]) => new Map(entries);

/** The borders of 64 bits and of 38 digits, from both sides. */
const INTEGERS = [
  0n,
  1n,
  -1n,
  2n ** 63n - 1n,
  2n ** 63n,
  -(2n ** 63n),
  -(2n ** 63n) - 1n,
  2n ** 64n,
  10n ** 38n - 1n,
  1n - 10n ** 38n,
];

const ROWS = [
  row('none', 0n, null, null, null, null, [], counts<string>(), counts<number>()),
  ...INTEGERS.map((value, n) =>
    row(
      `ä${n}`,
      BigInt.asIntN(64, value),
      value,
      n - 5,
      n * 1_000_000_007,
      n % 2 === 0 ? null : '€',
      ['a', 'ö', '😀'].slice(0, n % 4),
      counts<string>(['__proto__', value], ['\n', 1n]),
      counts<number>([-n, 2n], [492_000 + n, value]),
    ),
  ),
  { customerId: 'gone', gone: true, state: [0n, 0n, 0, 0, '', [], counts<string>(), counts<number>()] },
  row('none again', 0n, null, null, null, null, [], counts<string>(), counts<number>()),
];

it('gives back the rows it was made of', () => {
  expect([...fromRecordBatch(COLUMNS, toRecordBatch(COLUMNS, ROWS))]).toEqual(ROWS);
});

it('gives them back from bytes, wherever their columns begin in these', () => {
  const writer = new RecordBatchStreamWriter();
  writer.write(toRecordBatch(COLUMNS, ROWS));
  writer.finish();
  const bytes = writer.toUint8Array(true);
  for (const shift of [0, 4, 8]) {
    const moved = new Uint8Array(bytes.length + shift).subarray(shift);
    moved.set(bytes);
    const [batch] = RecordBatchReader.from(moved);
    if (!batch) throw new Error('no batch came back');
    expect([...fromRecordBatch(COLUMNS, batch)]).toEqual(ROWS);
  }
});

it.each([
  ['in every row', ROWS.slice(1, 3)],
  ['in none', [ROWS[0], ROWS[0]].flatMap((given) => given ?? [])],
])('gives back columns with a value %s', (_, rows) => {
  expect([...fromRecordBatch(COLUMNS, toRecordBatch(COLUMNS, rows))]).toEqual(rows);
});

it('refuses a count that is null, and takes it for no number', () => {
  const batch = toRecordBatch([{ name: 'whole', type: 'int64' }], [row('c', null)]);
  expect(() => [...fromRecordBatch([{ name: 'whole', type: 'int64' }], batch)]).toThrow('null');
});
