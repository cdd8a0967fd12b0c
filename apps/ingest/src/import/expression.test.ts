import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession, type Session } from '@tidemark/duckdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ColumnProfile, checkExpression, typedSql } from './expression.ts';

let session: Session;

beforeAll(async () => {
  session = await openSession({ memoryLimit: '256MB', threads: 1, tempFolder: join(tmpdir(), 'tidemark-expression') });
});
afterAll(() => session.close());

/** `Text` is text, every other column is a number; `t:x` and `n:x` say how a column is read. */
async function typed(text: string, readsNumber = false): Promise<string> {
  const expression = await checkExpression(session, 'field', text, readsNumber);
  const profileOf = (column: string): ColumnProfile => ({
    decimal: column === 'Text' ? null : { width: 9, scale: 3 },
    notDecimal: 'line 7 has "abc"',
  });
  return typedSql(expression, profileOf, (column, as) => `${as === 'number' ? 'n' : 't'}:${column}`);
}

describe('an expression is refused when it', () => {
  it.each([
    ['reads a table', '(SELECT max(a) FROM t)'],
    ['reads a file', "(SELECT content FROM read_text('/etc/passwd'))"],
    ['is a list', '1, 2'],
    ['ends its parentheses', '1) , (2'],
    ['goes on as another query', "1) FROM read_csv('/etc/passwd') --"],
    ['is more than one statement', '1; DROP TABLE input'],
    ['reads settings', "current_setting('threads')"],
    ['reads the environment', "getenv('HOME')"],
    ['is not pure', 'random()'],
    ['depends on the clock', 'now()'],
    ['is an aggregate', 'sum(a)'],
    ['is a window', 'row_number() OVER ()'],
    ['is a lambda', 'x -> x'],
    ['has a parameter', '$1'],
    ['names a position', '#1'],
    ['reaches into another schema', 'pg_catalog.abs(a)'],
    ['names a table', 'input.a'],
    ['divides', 'a / 100'],
    ['divides to whole numbers', 'a // 100'],
    ['has an inexact constant', 'a * 1e2'],
    ['casts to DOUBLE', 'CAST(a AS DOUBLE)'],
    ['casts to what is not a value', 'CAST(a AS INTEGER[])'],
    ['has an alias', 'a AS b'],
    ['is a star', '*'],
    ['is nothing', ''],
    ['does not parse', 'abs('],
    ['hides in CASE', "CASE WHEN a = 1 THEN (SELECT 1) ELSE 'x' END"],
    ['hides in a comment', 'a /* '],
  ])('%s: %s', async (_what, text) => {
    await expect(typed(text)).rejects.toMatchObject({ code: 'TIDEMARK_INGEST_EXPRESSION' });
  });
});

describe('a column is read', () => {
  it.each([
    ['as a number in arithmetic', 'abs(Pieces)*Price', 'abs(n:Pieces)*n:Price'],
    ['as text when it is all there is', 'Price', 't:Price'],
    [
      'as text by text functions',
      "Receipt LIKE 'X%' OR lower(Receipt) = 'y'",
      "t:Receipt LIKE 'X%' OR lower(t:Receipt) = 'y'",
    ],
    ['as a number beside a number', 'CASE WHEN Pieces < 0 THEN 1 END', 'CASE WHEN n:Pieces < 0 THEN 1 END'],
    ['as text beside equal text', "CASE WHEN Client = '017' THEN 1 END", "CASE WHEN t:Client = '017' THEN 1 END"],
    ['as a number in an order with one', "CASE WHEN Pieces > '5' THEN 1 END", "CASE WHEN n:Pieces > '5' THEN 1 END"],
    [
      'as text in an order with text',
      "CASE WHEN Day > '2011-01-01' THEN 1 END",
      "CASE WHEN t:Day > '2011-01-01' THEN 1 END",
    ],
    ['as both are, in comparison', 'Price < Pieces AND Price < Text', 'n:Price < n:Pieces AND t:Price < t:Text'],
    ['as what is in the list', "Price IN (1, 2) OR Price IN ('1')", "n:Price IN (1, 2) OR t:Price IN ('1')"],
    ['as text where a cast follows', 'CAST(Price AS DECIMAL(18, 2))', 'CAST(t:Price AS DECIMAL(18, 2))'],
    ['where its name is quoted', '"Price ü" || Text -- Price', 't:Price ü || t:Text -- Price'],
    [
      'twice in a simple CASE',
      'CASE Pieces WHEN 1 THEN 2 WHEN 3 THEN 4 END',
      'CASE n:Pieces WHEN 1 THEN 2 WHEN 3 THEN 4 END',
    ],
  ])('%s', async (_what, text, sql) => {
    expect(await typed(text)).toBe(sql);
  });

  it('as a number where the field is one and the column can be', async () => {
    expect(await typed('coalesce(Price, 0)', true)).toBe('coalesce(n:Price, 0)');
    expect(await typed('coalesce(Text, 0)', true)).toBe('coalesce(t:Text, 0)');
    expect(await typed('coalesce(Price, 0)', false)).toBe('coalesce(t:Price, 0)');
  });

  it('as a number only if it is one, or the line is named that is not', async () => {
    await expect(typed('Text * 2')).rejects.toThrow('Text is used as a number, but line 7 has "abc"');
  });
});
