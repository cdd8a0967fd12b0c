import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession, type Session } from '@tidemark/duckdb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkExpression } from './expression.ts';
import { InputTable } from './input-table.ts';
import { mapLines } from './mapped-lines.ts';
import { makeRows } from './mapped-rows.ts';
import { createMapping } from './mapping.ts';
import { restrict } from './mapping-session.ts';

type Line = { readonly id: string; readonly pieces: string; readonly price: string };

/** Orders of the lines: amount, or the code they were turned away with. */
async function totals(lines: readonly Line[], expression: string): Promise<ReadonlyMap<string, string>> {
  const session: Session = await openSession({
    memoryLimit: '256MB',
    threads: 1,
    tempFolder: join(tmpdir(), 'tidemark-rows'),
  });
  try {
    await restrict(session, []);
    const map = { customer_id: "'c'", order_id: 'id', total_amount: expression, order_date: "'2020-01-01'" };
    const mapping = createMapping({ source: 'orders', group_by: 'order_id', map });
    const wanted = ['id', 'pieces', 'price'];
    const table = await InputTable.open(session, wanted.length);
    lines.forEach(({ id, pieces, price }, index) => {
      table.append(index + 2, '', null, [id, pieces, price]);
    });
    table.finish();
    const expressions = [];
    for (const { name, kind, expression: text } of mapping.fields)
      expressions.push(await checkExpression(session, name, text, kind === 'money'));
    const exact = await mapLines(session, mapping, expressions, wanted, 2);
    await makeRows(session, mapping, 2, exact);
    const rows = await session.connection.runAndReadAll(
      'SELECT f_order_id, coalesce(rejected[1], f_total_amount) FROM rows',
    );
    return new Map(rows.getRows().map(([id, amount]) => [String(id), String(amount)]));
  } finally {
    session.close();
  }
}

/** A decimal as digits and how many of them are behind the point. */
const decimal = (maxDigits: number) =>
  fc
    .tuple(fc.bigInt(-(10n ** BigInt(maxDigits)), 10n ** BigInt(maxDigits)), fc.integer({ min: 0, max: 6 }))
    .map(([unscaled, scale]) => {
      const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
      const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
      return { unscaled, scale, text: `${unscaled < 0n ? '-' : ''}${text}` };
    });

describe('amounts', () => {
  it('are the exact sum of exact lines, rounded once, half away from zero', async () => {
    const line = fc.record({ id: fc.constantFrom('a', 'b', 'c'), pieces: decimal(6), price: decimal(9) });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 20 }), async (lines) => {
        const sums = new Map<string, bigint>();
        for (const { id, pieces, price } of lines) {
          const product = (pieces.unscaled < 0n ? -pieces.unscaled : pieces.unscaled) * price.unscaled;
          sums.set(id, (sums.get(id) ?? 0n) + product * 10n ** BigInt(12 - pieces.scale - price.scale));
        }
        const expected = new Map(
          [...sums].map(([id, sum]) => {
            const size = sum < 0n ? -sum : sum;
            const cents = String((size + 5n * 10n ** 9n) / 10n ** 10n).padStart(3, '0');
            const sign = sum < 0n && /[1-9]/.test(cents) ? '-' : '';
            return [id, `${sign}${cents.slice(0, -2)}.${cents.slice(-2)}`];
          }),
        );
        const given = lines.map(({ id, pieces, price }) => ({ id, pieces: pieces.text, price: price.text }));
        expect(await totals(given, 'abs(pieces) * price')).toEqual(expected);
      }),
      { seed: Number(process.env.TIDEMARK_SEED ?? Date.now() % 1e9), numRuns: 40 },
    );
  });

  it('that need more than 38 digits turn their row away, and no other', async () => {
    const big = '9'.repeat(30);
    const found = await totals(
      [
        { id: 'a', pieces: big, price: big },
        { id: 'b', pieces: '2', price: '1.005' },
      ],
      'pieces * price + pieces * price',
    );
    expect(found).toEqual(
      new Map([
        ['a', 'expression_failed'],
        ['b', '4.02'],
      ]),
    );
  });

  it('that are no decimals, too precise or too large turn their row away', async () => {
    const of = (id: string, price: string) => ({ id, pieces: '1', price });
    const found = await totals(
      [
        of('a', '1e3'),
        of('b', `0.${'1'.repeat(19)}`),
        of('c', '9'.repeat(38)),
        of('d', ' +1.5 '),
        of('e', '1,5'),
        of('f', '.5'),
      ],
      'price',
    );
    expect(Object.fromEntries(found)).toEqual({
      a: 'invalid_money',
      b: 'money_too_precise',
      c: 'money_out_of_range',
      d: '1.50',
      e: 'invalid_money',
      f: '0.50',
    });
  });

  it('of a column that is no decimal throughout are an error that names the line', async () => {
    await expect(totals([{ id: 'a', pieces: '1', price: 'n/a' }], 'pieces * price')).rejects.toThrow(
      'price is used as a number, but line 2 has "n/a"',
    );
  });
});
