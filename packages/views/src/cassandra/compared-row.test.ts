import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { ViewsError } from '../error.ts';
import { assertProperty } from '../testing/samples.ts';
import { ComparedRows, type ComparedTable, type Comparing } from './compared-row.ts';
import type { Bound } from './connection.ts';
import type { Row } from './wire-value.ts';

/** What becomes of a transaction. The answer is lost in all cases but the first; `late` ones are applied some time after. */
const FATES = ['answered', 'never sent', 'answer lost', 'late'] as const;
type Fate = (typeof FATES)[number];

const lost = () => new ViewsError('TIDEMARK_VIEWS_UNAVAILABLE', 'no answer');

/** One row behind a network that loses answers, as a list of fates says; afterwards all is well. */
class LossyRow implements Comparing {
  readonly keyspace = 'k';
  row: Row | null = null;
  /** Ids of the writes that were applied, in their order. */
  readonly applied: unknown[] = [];
  readonly #fates: Fate[];
  readonly #late: Bound[] = [];

  constructor(fates: readonly Fate[]) {
    this.#fates = [...fates];
  }

  async serialRow(): Promise<Row | null> {
    await Promise.resolve();
    return this.row;
  }

  async compareAndSet(statement: Bound): Promise<boolean> {
    await Promise.resolve();
    const fate = this.#fates.shift() ?? 'answered';
    if (this.#fates.length % 3 === 0) this.settle();
    if (fate === 'late') this.#late.push(statement);
    const applied = fate === 'answered' || fate === 'answer lost' ? this.#apply(statement) : false;
    if (fate !== 'answered') throw lost();
    return applied;
  }

  settle(): void {
    for (const statement of this.#late.splice(0)) this.#apply(statement);
  }

  #apply({ cql, values }: Bound): boolean {
    const isInsert = cql.startsWith('INSERT');
    const [value, attempt, before] = isInsert ? [values[1], values[2], null] : [values[0], values[1], values[4]];
    if (isInsert ? this.row !== null : this.row === null || this.row.attempt !== before) return false;
    this.row = { value, attempt, replaced: before };
    this.applied.push(attempt);
    return true;
  }
}

const TABLE: ComparedTable<number> = {
  table: 'serving',
  key: 'only',
  columns: ['value'],
  encode: (value) => [value],
  decode: ({ value }) => Number(value),
};

test('whoever is told true set the row once, and whoever is told false never did, whatever answers get lost', async () => {
  const call = fc.record({ expected: fc.option(fc.nat(2)), next: fc.nat(2) });
  await assertProperty(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...FATES), { maxLength: 20 }),
      fc.array(fc.array(call, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
      async (fates, clients) => {
        const row = new LossyRow(fates);
        const rows = new ComparedRows(row, TABLE);
        const outcomes: { won: number; lost: number; open: number } = { won: 0, lost: 0, open: 0 };
        const client = async (calls: readonly { expected: number | null; next: number }[]) => {
          for (const { expected, next } of calls) {
            try {
              const won = await rows.compareAndSet(0, (found) => found === expected, next);
              outcomes[won ? 'won' : 'lost'] += 1;
            } catch (error) {
              expect(error).toMatchObject({ code: 'TIDEMARK_VIEWS_UNAVAILABLE' });
              outcomes.open += 1;
            }
          }
        };
        await Promise.all(clients.map(client));
        row.settle();
        // Each call has one id: none was applied twice, and only those left open may or may not be among the applied.
        expect(new Set(row.applied).size).toBe(row.applied.length);
        expect(row.applied.length).toBeGreaterThanOrEqual(outcomes.won);
        expect(row.applied.length).toBeLessThanOrEqual(outcomes.won + outcomes.open);
      },
    ),
    2000,
  );
});

test('a lost answer is found out: by its own id in the row, or by the id of who replaced what it was to replace', async () => {
  const first = new LossyRow(['answer lost']);
  expect(await new ComparedRows(first, TABLE).compareAndSet(0, (found) => found === null, 1)).toBe(true);
  expect(first.applied).toHaveLength(1);
  const late = new LossyRow(['late']);
  expect(await new ComparedRows(late, TABLE).compareAndSet(0, (found) => found === null, 1)).toBe(true);
  late.settle();
  expect(late.applied).toHaveLength(1);
});

test('two who want the same content don’t both win when answers are lost', async () => {
  const row = new LossyRow(['answered', 'answer lost', 'answer lost']);
  const rows = new ComparedRows(row, TABLE);
  await rows.compareAndSet(0, (found) => found === null, 1);
  const won = await Promise.all([1, 2, 3].map(() => rows.compareAndSet(0, (found) => found === 1, 2)));
  expect(won.filter(Boolean)).toHaveLength(1);
});

test('what can’t be told any more is told as an outage, never as a no', async () => {
  const row = new LossyRow(['answer lost']);
  const rows = new ComparedRows(row, TABLE);
  const reads = vi.spyOn(row, 'serialRow');
  // Ours is applied at once and its answer is lost; two others have set the row again when it is looked at.
  reads
    .mockResolvedValueOnce(null)
    .mockImplementationOnce(async () => ({ value: 9, attempt: 'third', replaced: 'second' }));
  const setting = rows.compareAndSet(0, (found) => found === null, 1);
  await expect(setting).rejects.toMatchObject({ code: 'TIDEMARK_VIEWS_UNAVAILABLE' });
  expect(row.applied).toHaveLength(1);
});
