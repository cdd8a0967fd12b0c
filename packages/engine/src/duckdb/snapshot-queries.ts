import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import {
  type DuckDBConnection,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { identifier, textLiteral } from '@tidemark/duckdb';
import {
  type ColumnType,
  type ColumnValue,
  type Definition,
  DUCKDB_TYPES,
  rankColumns,
  rankLists,
  recomputeSql,
  UNRANKED_SCORE,
  zeroState,
} from '@tidemark/metrics';
import type { StateRow } from '../arrow-column.ts';
import type { Inspection, RankedCustomer, Rankings, RecomputeRequest, RecomputeResult } from '../port.ts';
import { definitionOf, viewLanded } from './landed-rows.ts';

/**
 * Temporary tables and views go with the connection. History is scanned into a database of its own, compressed: at
 * 20 million rows the same tables, uncompressed, spill to disk and take more than twice as long.
 */
export async function recompute(
  connection: DuckDBConnection,
  request: RecomputeRequest,
  onProgress: (step: string) => void,
): Promise<RecomputeResult> {
  const definition = definitionOf(request.currency, request.definitionId);
  const durations: Record<string, number> = {};
  const run = async (name: string, sql: string) => {
    onProgress(name);
    const began = performance.now();
    const { rowsChanged } = await connection.run(sql);
    durations[name] = Math.round(performance.now() - began);
    return rowsChanged;
  };
  await viewLanded(connection, definition, request.rows);
  const history = identifier(`history ${randomUUID()}`);
  await connection.run(`ATTACH ':memory:' AS ${history} (COMPRESS); USE ${history}`);
  try {
    for (const { name, sql } of recomputeSql(definition, request.barrierAtMs)) await run(name, sql);
    const copy = `COPY states TO ${textLiteral(request.snapshot)} (FORMAT parquet, COMPRESSION zstd)`;
    return { customers: await run('snapshot', copy), durations };
  } catch (error) {
    await rm(request.snapshot, { force: true });
    throw error;
  } finally {
    await connection.run(`USE memory; DETACH ${history}`);
  }
}

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

/** Pages of the customers whose state differs from the base's; all of them without a base. */
export async function* changes(
  connection: DuckDBConnection,
  definition: Definition,
  snapshot: string,
  base: string | null,
): AsyncGenerator<readonly StateRow[]> {
  const names = definition.columns.map(({ name }) => identifier(name));
  const all = `SELECT customer_id, FALSE AS gone, ${names.join(', ')} FROM ${snapshotSql(snapshot)} n`;
  const differs = names.map((name) => `n.${name} IS DISTINCT FROM b.${name}`).join(' OR ');
  const sql = base
    ? `SELECT n.customer_id, FALSE AS gone, ${names.map((name) => `n.${name}`).join(', ')}
       FROM ${snapshotSql(snapshot)} n LEFT JOIN ${snapshotSql(base)} b USING (customer_id)
       WHERE b.customer_id IS NULL OR ${differs}
       UNION ALL BY NAME
       SELECT b.customer_id, TRUE AS gone FROM ${snapshotSql(base)} b ANTI JOIN ${snapshotSql(snapshot)} n USING (customer_id)`
    : all;
  const zero = zeroState(definition);
  const result = await connection.stream(sql);
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const [ids = [], gone = [], ...columns] = chunk.getColumns();
    const values = definition.columns.map(({ type }, index) =>
      (columns[index] ?? []).map((value) => fromDuckDb(type, value)),
    );
    yield ids.map((id, row) => {
      const isGone = gone[row] === true;
      return {
        customerId: String(id),
        gone: isGone,
        state: isGone ? zero : values.map((column) => column[row] ?? null),
      };
    });
  }
}

/** Scores are computed once, into a temporary table, since most customers are looked at for every list. */
export async function rankings(
  connection: DuckDBConnection,
  definition: Definition,
  snapshot: string,
  asOfMs: number,
  limit: number,
): Promise<Rankings> {
  const columns = rankColumns(definition, asOfMs).map(({ name, sql }) => `${sql} AS ${identifier(name)}`);
  await connection.run(
    `CREATE TEMP TABLE ranked AS SELECT customer_id, ${columns.join(', ')} FROM ${snapshotSql(snapshot)}`,
  );
  const lists = new Map<string, readonly RankedCustomer[]>();
  for (const { name, sort, flag } of rankLists(definition)) {
    const rows = await connection.runAndReadAll(
      flag === null
        ? `SELECT customer_id, ${identifier(sort)} AS score FROM ranked WHERE score IS NOT NULL
           ORDER BY score DESC, customer_id LIMIT ${limit}`
        : `SELECT customer_id, coalesce(${identifier(sort)}, ${UNRANKED_SCORE}) AS score FROM ranked
           WHERE ${identifier(flag)} ORDER BY score DESC, customer_id LIMIT ${limit}`,
    );
    lists.set(
      name,
      rows.getRows().map(([customerId, score]) => ({ customerId: String(customerId), score: BigInt(String(score)) })),
    );
  }
  return lists;
}

/** A value as DuckDB's API gives it, as the column type says it is held. */
function fromDuckDb(type: ColumnType, value: DuckDBValue): ColumnValue {
  if (value === null) return null;
  switch (type) {
    case 'int64':
      if (typeof value === 'bigint') return value;
      break;
    case 'varint':
      if (value instanceof DuckDBDecimalValue) return value.value;
      break;
    case 'int32':
      if (typeof value === 'number') return value;
      break;
    case 'timestamp':
      if (value instanceof DuckDBTimestampValue) return Number(value.micros / 1000n);
      break;
    case 'text':
      if (typeof value === 'string') return value;
      break;
    case 'text_set':
      if (value instanceof DuckDBListValue) return value.items.map(String);
      break;
    case 'text_counts':
      if (value instanceof DuckDBMapValue)
        return new Map(value.entries.map((entry) => [String(entry.key), wideInteger(entry.value)]));
      break;
    case 'hour_counts':
      if (value instanceof DuckDBMapValue)
        return new Map(value.entries.map((entry) => [Number(entry.key), wideInteger(entry.value)]));
      break;
  }
  throw new TypeError(`a snapshot column of type ${DUCKDB_TYPES[type]} holds ${String(value)}`);
}

function wideInteger(value: DuckDBValue): bigint {
  if (value instanceof DuckDBDecimalValue) return value.value;
  throw new TypeError(`a snapshot's map holds ${String(value)}`);
}
