import { define, zeroState } from '@tidemark/metrics';
import type { DeltaRow, Views } from '@tidemark/views';
import { openMemoryViews } from '@tidemark/views/testing';
import { expect, it } from 'vitest';
import { expectSameRows } from './same-rows.ts';

const definition = define('USD');

const row = (customerId: string): DeltaRow => ({
  customerId,
  epoch: 0,
  partition: 1,
  lastOffset: 7n,
  ids: new Uint8Array(8),
  state: zeroState(definition),
});

async function viewsOf(...rows: readonly DeltaRow[]): Promise<Views> {
  const views = await openMemoryViews().open(definition);
  await views.writeTouched(rows);
  await views.writeDeltas(rows);
  return views;
}

it('takes rows for the same that are the same in every value', async () => {
  await expectSameRows(await viewsOf(row('anna'), row('berta')), await viewsOf(row('berta'), row('anna')));
});

it.each<[string, readonly DeltaRow[]]>([
  ['a customer less', []],
  ['another offset', [{ ...row('anna'), lastOffset: 8n }]],
  ['another id', [{ ...row('anna'), ids: new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]) }]],
  ['another sum', [{ ...row('anna'), state: row('anna').state.with(0, 1n) }]],
])('finds %s', async (_, rows) => {
  await expect(expectSameRows(await viewsOf(row('anna')), await viewsOf(...rows))).rejects.toThrow('1 customers');
});
