import type { DuckDBConnection, DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api';
import { identifier, textLiteral } from '@tidemark/duckdb';
import { type Definition, rankLists, rankSql, type SqlInteger, UNRANKED_SCORE, zeroState } from '@tidemark/metrics';
import type { RecordBatch } from 'apache-arrow';
import { toRecordBatch } from '../arrow-column.ts';
import type { Inspection } from '../port.ts';
import { batchOfChunk, vectorsSql } from './chunk-batch.ts';
import type { RankedColumns } from './protocol.ts';
import { DIGEST, digestSql } from './state-digest.ts';

const snapshotSql = (path: string) => `read_parquet(${textLiteral(path)})`;

export async function inspect(
  connection: DuckDBConnection,
  definition: Definition,
  snapshot: string,
  base: string | null,
): Promise<Inspection> {
  const zero = zeroState(definition);
  const required = definition.columns.filter((_, index) => zero[index] !== null).map(({ name }) => name);
  const money = definition.measures
    .filter(({ measure }) => measure.money && measure.aggregate.kind === 'sum')
    .map(({ name }) => name);
  const counted = [
    'count(*)',
    'count(*) - count(DISTINCT customer_id)',
    'count(*) FILTER (WHERE customer_id IS NULL)',
    ...required.map((name) => `count(*) FILTER (WHERE ${identifier(name)} IS NULL)`),
    ...money.map((name) => `count(*) FILTER (WHERE ${identifier(name)} < 0)`),
  ];
  const [row = []] = (
    await connection.runAndReadAll(`SELECT ${counted.join(', ')} FROM ${snapshotSql(snapshot)}`)
  ).getRows();
  const [customers = 0, duplicateCustomers = 0, ...counts] = row.map(Number);
  const found = (names: readonly string[], from: number) =>
    Object.fromEntries(
      names.map((name, index) => [name, counts[from + index] ?? 0]).filter(([, count]) => count !== 0),
    );
  const lostSql =
    base && `SELECT count(*) FROM ${snapshotSql(base)} b ANTI JOIN ${snapshotSql(snapshot)} n USING (customer_id)`;
  const lost = lostSql ? Number((await connection.runAndReadAll(lostSql)).getRows()[0]?.[0]) : null;
  return {
    customers,
    duplicateCustomers,
    nulls: found(['customer_id', ...required], 0),
    negativeMoney: found(money, 1 + required.length),
    lost,
  };
}

/** Batches of the customers whose state differs from the base's; all of them without a base. Who is gone comes last, with zeros. */
export async function* changes(
  connection: DuckDBConnection,
  definition: Definition,
  snapshot: string,
  base: string | null,
): AsyncGenerator<RecordBatch> {
  const { columns } = definition;
  const selected = columns.flatMap(({ name, type }) => vectorsSql(`n.${identifier(name)}`, type));
  const states = `SELECT n.customer_id, ${selected.join(', ')} FROM ${snapshotSql(snapshot)} n`;
  if (base === null) {
    for await (const chunk of chunks(connection, states)) yield batchOfChunk(columns, chunk);
    return;
  }
  const [now, before] = [
    await digestsSql(connection, definition, snapshot),
    await digestsSql(connection, definition, base),
  ];
  await connection.run(`CREATE TEMP TABLE differing AS
    SELECT n.customer_id AS customer_id, b.customer_id AS before FROM (${now}) n FULL JOIN (${before}) b USING (${DIGEST})
    WHERE n.customer_id IS NULL OR b.customer_id IS NULL`);
  for await (const chunk of chunks(connection, await wholeChunks(connection, snapshot, states)))
    yield batchOfChunk(columns, chunk);
  const gone =
    'SELECT o.before FROM differing o ANTI JOIN differing n ON n.customer_id = o.before WHERE o.before IS NOT NULL';
  const state = zeroState(definition);
  for await (const chunk of chunks(connection, gone)) {
    const ids = chunk.getColumnValues(0).map(String);
    yield toRecordBatch(
      columns,
      ids.map((customerId) => ({ customerId, gone: true, state })),
    );
  }
}

/** Less than the n-th part is few: a chunk of the snapshot then gives some 250 rows or fewer. */
const FEW_OF = 8;

/**
 * The query of those of `states` that are in the table `differing`. A join hands on of each chunk of the snapshot what it keeps,
 * and a batch of a few rows costs as much as a whole one: where these are few, they are gathered first.
 */
async function wholeChunks(connection: DuckDBConnection, snapshot: string, states: string): Promise<string> {
  const changed = `${states} SEMI JOIN differing USING (customer_id)`;
  const counted = `SELECT (SELECT count(customer_id) FROM differing) * ${FEW_OF} < count(*) FROM ${snapshotSql(snapshot)}`;
  const [row] = (await connection.runAndReadAll(counted)).getRows();
  if (row?.[0] !== true) return changed;
  await connection.run(`CREATE TEMP TABLE changed AS ${changed}`);
  return 'FROM changed';
}

/** Each customer's digest. A snapshot of before there were any has them made of its states. */
async function digestsSql(connection: DuckDBConnection, { columns }: Definition, path: string): Promise<string> {
  const named = `SELECT count(*) FROM parquet_schema(${textLiteral(path)}) WHERE name = ${textLiteral(DIGEST)}`;
  const [row] = (await connection.runAndReadAll(named)).getRows();
  const digest = row?.[0] === 1n ? DIGEST : `${digestSql(columns)} AS ${DIGEST}`;
  return `SELECT customer_id, ${digest} FROM ${snapshotSql(path)}`;
}

async function* chunks(connection: DuckDBConnection, sql: string): AsyncGenerator<DuckDBDataChunk> {
  const result = await connection.stream(sql);
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk())
    yield chunk;
}

/**
 * Scores are computed once, into a temporary table, since most customers are looked at for every list: in 64 bits, in which
 * DuckDB is several times as fast, and anew in 128 where one does not fit. Lists in one statement are made side by side.
 */
export async function rankings(
  connection: DuckDBConnection,
  definition: Definition,
  snapshot: string,
  asOfMs: number,
  limit: number,
): Promise<readonly RankedColumns[]> {
  const score = (integer: SqlInteger) =>
    connection.run(`CREATE TEMP TABLE ranked AS ${rankSql(definition, snapshotSql(snapshot), asOfMs, integer)}`);
  try {
    await score('BIGINT');
  } catch {
    await score('HUGEINT');
  }
  const lists = rankLists(definition);
  const selects = lists.map(({ sort, flag }, list) => {
    const [score, where] =
      flag === null
        ? [`${identifier(sort)}::HUGEINT`, `${identifier(sort)} IS NOT NULL`]
        : [`coalesce(${identifier(sort)}, ${UNRANKED_SCORE})`, identifier(flag)];
    return `SELECT ${list} AS list, * FROM (
      SELECT customer_id, ${score} AS score FROM ranked WHERE ${where} ORDER BY score DESC, customer_id LIMIT ${limit})`;
  });
  const rows = await connection.runAndReadAll(
    `SELECT * FROM (${selects.join(' UNION ALL ')}) ORDER BY list, score DESC, customer_id`,
  );
  const [places = [], customerIds = [], scores = []] = rows.getColumns();
  const found = lists.map(({ name }): RankedColumns => ({ name, customerIds: [], scores: [] }));
  places.forEach((place, row) => {
    const list = found[Number(place)];
    list?.customerIds.push(String(customerIds[row]));
    list?.scores.push(integerOf(scores[row]));
  });
  return found;
}

function integerOf(score: DuckDBValue | undefined): bigint {
  if (typeof score === 'bigint') return score;
  throw new TypeError(`a score is ${String(score)}`);
}
