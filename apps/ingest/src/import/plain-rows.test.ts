import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession, type Session } from '@tidemark/duckdb';
import { Lake } from '@tidemark/lake';
import { openStorage } from '@tidemark/lake/open';
import { define } from '@tidemark/metrics';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REJECTED, stageEvents, type Writers } from './event-stage.ts';
import { checkExpression } from './expression.ts';
import { MAPPED_SOURCES, type SourceField } from './import-source.ts';
import { InputTable } from './input-table.ts';
import { mapLines } from './mapped-lines.ts';
import { makeRows } from './mapped-rows.ts';
import { createMapping, type Mapping, type MappingFile } from './mapping.ts';
import { restrict } from './mapping-session.ts';
import { plainRowsFile, stagePlainRows } from './plain-rows.ts';
import { HIGHEST_VALUES, INNER_VALUES } from './plain-value.ts';
import { RowReader } from './row-reader.ts';

type Table = {
  readonly mapping: MappingFile;
  readonly currency: string;
  readonly rows: readonly (readonly string[])[];
};

const limits = { memoryLimit: '256MB', threads: 2, keepsOrder: true };
const SHA256 = 'ab'.repeat(32);

let folder: string;
let filing: Session;
let lake: Lake;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-plain-'));
  filing = await openSession({ ...limits, tempFolder: join(folder, 'filing') });
  lake = new Lake(await openStorage(join(folder, 'lake')), filing);
});
afterAll(async () => {
  filing.close();
  await rm(folder, { recursive: true });
});

const PLAIN = {
  id: ['a', 'b', 'order 1', "it's", 'c~{}[]<>', 'x'.repeat(128)],
  money: ['0', '1', '1.5', '12.50', '999999999999'],
  time: ['2020-01-01T00:00:00Z', '2020-02-29', '2020-02-29 10:00:00.5', '1970-01-01', '2998-12-31T23:59:59Z'],
  int: ['1980', '2000'],
};

/** Of fields whose text decides what becomes of a row. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  status: ['completed', 'cancelled', 'Cancelled', "it's", 'say "no"', 'é 🌊'],
  category: ['billing', 'a b', '\\', 'é 🌊'],
  priority: ['low', 'medium', 'high', 'urgent'],
  event_type: ['email_open', 'email_click', 'campaign_view'],
  segment: ['gold', "it's", 'é 🌊'],
  country: ['DE', 'FR'],
};

const ODD = {
  id: ['', '"', '\\', 'é', '\u007f', '\u0001', 'x'.repeat(129), 'x'.repeat(250), 'x'.repeat(257), ' ', '<id 1>'],
  money: ['', '-1', '+1', '.5', '007', '1.005', '1e3', 'x', '9999999999999.99', '99999999999999999999'],
  time: ['', '1969-12-31', '3000-01-01', 'x', '2999-12-31T23:59:59.999Z', '2020-01-01T10:00:00+02:00'],
  int: ['', '1799', '01980', '1980.0', '-0', 'x'],
  text: [
    ...['', 'EUR', 'order_placed', 'x\u0001', 'x'.repeat(257), '<id 0>', '2001-02-03T04:05:06.104Z', '7000000.03'],
    ...[INNER_VALUES.id(2), HIGHEST_VALUES.id(2), String(INNER_VALUES.line), String(HIGHEST_VALUES.line)],
  ],
};

const plainValues = ({ name, kind }: SourceField, currency: string): readonly string[] =>
  kind === 'text' ? (TEXTS[name] ?? [currency]) : PLAIN[kind];

const value = (field: SourceField, odd: number, currency: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 100 - odd, arbitrary: fc.constantFrom(...plainValues(field, currency)) },
    { weight: odd, arbitrary: fc.constantFrom(...ODD[field.kind]) },
  );

const table: fc.Arbitrary<Table> = fc
  .tuple(fc.constantFrom(...MAPPED_SOURCES), fc.constantFrom(0, 3, 20), fc.constantFrom('USD', 'JPY', 'BHD'))
  .chain(([source, odd, currency]) => {
    const optional = source.fields.filter(({ required }) => !required);
    return fc.tuple(fc.subarray(optional), fc.boolean()).chain(([given, isGrouped]) => {
      const fields = source.fields.filter((field) => field.required || given.includes(field));
      const map = Object.fromEntries(fields.map(({ name }, index) => [name, `c${index}`]));
      const grouped = isGrouped && source.key !== null ? { group_by: source.key } : {};
      const row = fc.tuple(...fields.map((field) => value(field, odd, currency)));
      return fc.record({
        mapping: fc.constant({ source: source.name, map, ...grouped }),
        currency: fc.constant(currency),
        rows: fc
          .array(fc.tuple(row, fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 30 })
          .map((each) => each.flatMap(([values, times]) => Array.from({ length: times }, () => values))),
      });
    });
  });

/** What becomes of the rows: read one by one, or the plain ones by SQL, whose number is told. */
async function staged(session: Session, mapping: Mapping, currency: string, bySql: boolean) {
  const definition = define(currency);
  const writers: Writers = {
    events: await lake.eventWriter(),
    rows: await lake.rowWriter(definition),
    quarantine: await lake.quarantineWriter(),
  };
  try {
    const reader = new RowReader(mapping, currency, SHA256);
    const plain = bySql
      ? await stagePlainRows(session, mapping, definition, { sha256: SHA256, folder }, writers)
      : { rows: 0, condition: 'false' };
    await stageEvents(session, reader, `NOT coalesce(${plain.condition}, false)`, writers, () => {});
    const relations = [writers.events.relation, ...writers.rows.relations.values()];
    const found: unknown[] = [];
    for (const relation of relations)
      found.push((await filing.connection.runAndReadAll(`FROM ${relation} ORDER BY position`)).getRowsJson());
    const rejected = await session.connection.runAndReadAll(`FROM ${REJECTED} ORDER BY first_line`);
    await session.connection.run(`DROP TABLE ${REJECTED}`);
    return { plain: plain.rows, found: [...found, rejected.getRowsJson()] };
  } finally {
    for (const writer of Object.values(writers)) await writer.discard();
  }
}

async function bothWays({ mapping: given, currency, rows }: Table) {
  const session = await openSession({ ...limits, tempFolder: join(folder, 'mapping') });
  try {
    await restrict(session, [plainRowsFile(folder)]);
    const mapping = createMapping(given);
    const wanted = mapping.fields.map(({ expression }) => expression);
    const input = await InputTable.open(session, wanted.length);
    rows.forEach((values, index) => {
      input.append(
        index + 2,
        '',
        null,
        wanted.map((column) => values[Number(column.slice(1))] ?? null),
      );
    });
    input.finish();
    const expressions = [];
    for (const { name, kind, expression } of mapping.fields)
      expressions.push(await checkExpression(session, name, expression, kind === 'money' || kind === 'int'));
    const digits = { USD: 2, JPY: 0, BHD: 3 }[currency] ?? 2;
    await makeRows(session, mapping, digits, await mapLines(session, mapping, expressions, wanted, digits));
    return {
      one: await staged(session, mapping, currency, false),
      sql: await staged(session, mapping, currency, true),
    };
  } finally {
    session.close();
  }
}

describe('plain rows', () => {
  it('become by SQL what each becomes by itself, of every source, beside any others', async () => {
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(table, async (given) => {
        const { one, sql } = await bothWays(given);
        plain += sql.plain;
        expect(sql.found).toEqual(one.found);
      }),
      { seed: Number(process.env.TIDEMARK_SEED ?? Date.now() % 1e9), numRuns: 100 },
    );
    expect(plain).toBeGreaterThan(500);
  });

  it.each(MAPPED_SOURCES)('of $name may have any odd value beside plain ones', async ({ name, fields }) => {
    const map = Object.fromEntries(fields.map((field, index) => [field.name, `c${index}`]));
    const plain = fields.map((field) => plainValues(field, 'USD')[0] ?? '');
    const rows = fields.flatMap(({ kind }, place) => ODD[kind].map((odd) => plain.with(place, odd)));
    const { one, sql } = await bothWays({ mapping: { source: name, map }, currency: 'USD', rows });
    expect(sql.found).toEqual(one.found);
  });

  it.each([
    ['orders', { customer_id: 'a', order_id: 'o', total_amount: '1.5', order_date: '2020-01-01', status: 'cancelled' }],
    ['refunds', { customer_id: 'a', refund_id: 'r', order_id: 'o', amount: '1.50', occurred_at: '2020-01-01' }],
    [
      'support_tickets',
      {
        customer_id: 'a',
        ticket_id: 't',
        category: 'é',
        priority: 'low',
        created_date: '2020-01-01',
        resolved_date: '2020-01-02',
      },
    ],
    ['marketing_events', { customer_id: 'a', event_type: 'email_open', campaign_id: 'c', event_date: '2020-01-01' }],
    ['profiles', { customer_id: 'a', occurred_at: '2020-01-01', country: 'DE', birth_year: '1980' }],
  ])('of %s are found to be plain', async (source, row) => {
    const map = Object.fromEntries(Object.keys(row).map((name, index) => [name, `c${index}`]));
    const { sql } = await bothWays({ mapping: { source, map }, currency: 'USD', rows: [Object.values(row)] });
    expect(sql.plain).toBe(1);
  });
});
