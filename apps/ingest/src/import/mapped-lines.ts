import { identifier, type Session, textLiteral } from '@tidemark/duckdb';
import { IngestError } from '../error.ts';
import { fractionDigitsSql, PLAIN_DECIMAL_SQL, profileColumns, wholeDigitsSql } from './column-profile.ts';
import { instantMsSql, isInstantSql, readDates } from './date-column.ts';
import { type Expression, typedSql } from './expression.ts';
import { INPUT, textColumn } from './input-table.ts';
import type { MappedField, Mapping } from './mapping.ts';
import { enclosed } from './syntax.ts';

/** The relation of the mapped lines: `line`, `rejected` (code and reason of what is wrong with it), and the fields. */
export const LINES = 'lines';

/** More digits after the point than this are refused line by line: what is left keeps sums within DECIMAL(38). */
const MAX_SCALE = 18;
/** Room for the sum of so many lines, as a power of ten. */
const SUM_DIGITS = 9;
/** No amount of 64 bits in minor units has more digits before the point. */
const MAX_WHOLE_DIGITS = 20;

const NUMBER_PREFIX = 'n';

/** SQL name of a mapped field. */
export const fieldColumn = (name: string): string => identifier(`f_${name}`);

/**
 * Evaluates the mapping on every record of the input and types what comes out: text stays as it is, money becomes an
 * exact DECIMAL (`digits`: those of the currency), times become UTC milliseconds. What can't be is named in `rejected`.
 * Answers the names of the amounts that need no rounding: they are DECIMAL(18, `digits`).
 * Throws `IngestError` when the mapping does not fit the file.
 */
export async function mapLines(
  session: Session,
  mapping: Mapping,
  expressions: readonly Expression[],
  wanted: readonly string[],
  digits: number,
): Promise<ReadonlySet<string>> {
  await evaluate(session, expressions, wanted);
  const checks: string[] = ["WHEN broken THEN ['invalid_utf8', 'its bytes are not UTF-8']"];
  for (const { field, bareColumn, text } of expressions) {
    if (bareColumn === null)
      checks.push(
        `WHEN ${failedColumn(field)} THEN ['expression_failed', ${textLiteral(`${field}: ${text} can't be computed`)}]`,
      );
  }
  const columns: string[] = [];
  const joins: string[] = [];
  const exact = new Set<string>();
  for (const field of mapping.fields) {
    const typed = await typeField(session, field, mapping, digits);
    columns.push(`${typed.sql} AS ${fieldColumn(field.name)}`);
    if (typed.join) joins.push(typed.join);
    checks.push(...typed.checks);
    if (typed.isExact) exact.add(field.name);
  }
  // Lines that are grouped are looked at again; of others a row each is made, and kept.
  await session.connection.run(
    `CREATE ${mapping.groupBy === null ? 'VIEW' : 'TABLE'} ${LINES} AS SELECT line, CASE ${checks.join(' ')} END AS rejected, ${columns.join(', ')}
     FROM mapped ${joins.join(' ')}`,
  );
  return exact;
}

const failedColumn = (field: string): string => identifier(`failed_${field}`);

/** Makes the relation `mapped` of the expressions' values as text: a table where they have to be computed. */
async function evaluate(
  session: Session,
  expressions: readonly Expression[],
  wanted: readonly string[],
): Promise<void> {
  const indexOf = (column: string) => wanted.indexOf(column);
  const asked = expressions.flatMap(({ uses }) =>
    uses.filter(({ reading }) => reading.as !== 'text').map(({ column }) => indexOf(column)),
  );
  const numeric = [...new Set(asked)];
  const profiles = await profileColumns(session, numeric);
  const numbers = numeric.flatMap((index) => {
    const decimal = profiles.get(index)?.decimal;
    return decimal ? [`${numberSql(textColumn(index), decimal)} AS ${NUMBER_PREFIX}${index}`] : [];
  });
  await session.connection.run(
    `CREATE VIEW typed AS SELECT *${numbers.map((sql) => `, ${sql}`).join('')} FROM ${INPUT}`,
  );
  const profileOf = (column: string) => profiles.get(indexOf(column)) ?? { decimal: null, notDecimal: 'it is text' };
  const columnSql = (column: string, as: 'text' | 'number') =>
    as === 'number' ? `${NUMBER_PREFIX}${indexOf(column)}` : textColumn(indexOf(column));

  const computed: string[] = [];
  const selected: string[] = [];
  for (const expression of expressions) {
    const name = fieldColumn(expression.field);
    if (expression.bareColumn !== null) {
      selected.push(`${columnSql(expression.bareColumn, 'text')} AS ${name}`);
      continue;
    }
    const sql = enclosed(typedSql(expression, profileOf, columnSql));
    await checkType(session, expression, sql, wanted);
    // TRY gives NULL where the evaluation fails; within a struct, NULL as a value is told from it.
    const tried = identifier(`tried_${expression.field}`);
    computed.push(`, TRY(struct_pack(v := ${sql}::VARCHAR)) AS ${tried}`);
    selected.push(`nullif(struct_extract(${tried}, 'v'), '') AS ${name}`);
    selected.push(`${tried} IS NULL AS ${failedColumn(expression.field)}`);
  }
  await session.connection.run(
    `CREATE ${computed.length === 0 ? 'VIEW' : 'TABLE'} mapped AS SELECT line, bytes IS NOT NULL AS broken, ${selected.join(', ')}
     FROM (SELECT *${computed.join('')} FROM typed)`,
  );
}

/**
 * A column as DECIMAL, NULL where it is none: of broken lines the values are a likeness, which the type was not made for.
 * Never narrower than 19 digits: arithmetic of narrow decimals stays within 18 and overflows there. Text is cast to a
 * narrow one first, which is twenty times faster.
 */
function numberSql(column: string, { width, scale }: { readonly width: number; readonly scale: number }): string {
  const exact = `TRY_CAST(${column} AS DECIMAL(${width}, ${scale}))`;
  return width <= NARROW_DIGITS ? `${exact}::DECIMAL(${NARROW_DIGITS + 1}, ${scale})` : exact;
}

const NARROW_DIGITS = 18;

const EXACT_TYPES =
  /^(VARCHAR|DECIMAL\(.*\)|TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|BOOLEAN|DATE|TIMESTAMP|TIMESTAMP WITH TIME ZONE|"NULL")$/;

async function checkType(
  session: Session,
  { field, text }: Expression,
  sql: string,
  wanted: readonly string[],
): Promise<void> {
  let type: string;
  try {
    const described = (await session.connection.runAndReadAll(`DESCRIBE SELECT ${sql} AS value FROM typed`)).getRows();
    type = String(described[0]?.[1]);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const [what = ''] = cause.message.split('\n');
    const named = what.replace(/\b[cn](\d+)\b/g, (match, index) => wanted[Number(index)] ?? match);
    throw new IngestError('TIDEMARK_INGEST_EXPRESSION', `--map ${field}=${text}: ${named}`, { cause });
  }
  if (EXACT_TYPES.test(type)) return;
  throw new IngestError(
    'TIDEMARK_INGEST_EXPRESSION',
    `--map ${field}=${text}: it gives a ${type}, which is not exact. Keep to decimals and whole numbers, or CAST to DECIMAL.`,
  );
}

type TypedField = {
  readonly sql: string;
  readonly join: string | null;
  readonly checks: readonly string[];
  readonly isExact?: true;
};

async function typeField(
  session: Session,
  { name, kind }: MappedField,
  mapping: Mapping,
  digits: number,
): Promise<TypedField> {
  const column = `mapped.${fieldColumn(name)}`;
  if (kind === 'time') return typeTime(session, name, column, mapping);
  return kind === 'money' ? typeMoney(session, name, column, digits) : { sql: column, join: null, checks: [] };
}

const check = (name: string, condition: string, code: string, why: string): string =>
  `WHEN mapped.${fieldColumn(name)} IS NOT NULL AND ${condition} THEN ['${code}', ${textLiteral(`${name}: ${why}`)}]`;

async function typeTime(session: Session, name: string, column: string, mapping: Mapping): Promise<TypedField> {
  if (await holds(session, column, isInstantSql(column))) return { sql: instantMsSql(column), join: null, checks: [] };
  const dates = `dates_${name}`;
  const options = { timezone: mapping.timezone, format: mapping.dateFormat };
  await readDates(session, { ...options, from: 'mapped', column: fieldColumn(name), field: name, into: dates });
  const join = `LEFT JOIN ${dates} ON ${dates}.value = ${column}`;
  const checks = [check(name, `${dates}.ms IS NULL`, 'invalid_time', 'is no date and time')];
  return { sql: `${dates}.ms`, join, checks };
}

async function typeMoney(session: Session, name: string, column: string, digits: number): Promise<TypedField> {
  // What the cast writes as it was, but for zeros at the end, is an amount that needs no further look.
  const simple = `TRY_CAST(${column} AS DECIMAL(${NARROW_DIGITS}, ${digits}))`;
  if (await holds(session, column, `starts_with(${simple}::VARCHAR, ${column})`))
    return { sql: simple, join: null, checks: [], isExact: true };
  const plain = `regexp_full_match(${column}, ${PLAIN_DECIMAL_SQL})`;
  const { whole, scale } = await moneyDigits(session, column);
  const limit = Math.min(MAX_WHOLE_DIGITS, 38 - scale - SUM_DIGITS);
  // No wider than it must be: text is cast to a wide DECIMAL twenty times slower than to a narrow one.
  const amount = `TRY_CAST(${column} AS DECIMAL(${Math.min(Math.max(whole + scale, 1), 38)}, ${scale}))`;
  const checks = [
    check(name, `NOT ${plain}`, 'invalid_money', 'is not a plain decimal such as "1234.50"'),
    check(
      name,
      `${fractionDigitsSql(column)} > ${MAX_SCALE}`,
      'money_too_precise',
      `has more than ${MAX_SCALE} digits after the point`,
    ),
    check(name, `coalesce(abs(${amount}) >= 1${'0'.repeat(limit)}, true)`, 'money_out_of_range', 'is too large'),
  ];
  return { sql: `CASE WHEN ${plain} THEN ${amount} END`, join: null, checks };
}

/** Whether a condition is true of every value of the column. */
async function holds(session: Session, column: string, condition: string): Promise<boolean> {
  const sql = `SELECT count(*) FROM mapped WHERE ${column} IS NOT NULL AND (${condition}) IS DISTINCT FROM true`;
  const [[others] = []] = (await session.connection.runAndReadAll(sql)).getRows();
  return others === 0n;
}

/** Digits before and after the point that hold every amount of the column exactly. */
async function moneyDigits(
  session: Session,
  column: string,
): Promise<{ readonly whole: number; readonly scale: number }> {
  const digits = fractionDigitsSql(column);
  const sql = `SELECT max(${wholeDigitsSql(column)}), max(${digits}) FILTER (${digits} <= ${MAX_SCALE})
    FROM mapped WHERE regexp_full_match(${column}, ${PLAIN_DECIMAL_SQL})`;
  const [[whole, scale] = []] = (await session.connection.runAndReadAll(sql)).getRows();
  return { whole: Number(whole ?? 0), scale: Number(scale ?? 0) };
}
