import type { Definition } from '../definition.ts';
import { measureSql } from '../measure.ts';
import type { Source } from '../source.ts';
import { floorHour, KEPT_HOURS } from '../window.ts';
import { DUCKDB_TYPES, zeroSql } from './column-sql.ts';
import { ENVELOPE_COLUMNS, rowColumns } from './row-columns.ts';

/**
 * The recompute as a list of DuckDB statements, to be run in order. They read one relation per source once, named
 * `landed_<source>` with the columns of `rowColumns`, and leave the view `states`: `customer_id`, then the
 * definition's columns. `barrierAtMs` is the run's wall-clock time: hours too old for any `as_of` it allows are dropped.
 *
 * All tables are temporary but those that hold the whole history, `scanned_<source>`: the current database decides how
 * these are kept (temporary tables are never compressed), and drops them.
 */
export function recomputeSql(
  definition: Definition,
  barrierAtMs: number,
): readonly { readonly name: string; readonly sql: string }[] {
  const { sources } = definition;
  return [
    ...sources.map((source) => ({ name: `scan ${source.name}`, sql: scanSql(definition, source) })),
    { name: 'repeats', sql: repeatsSql(sources) },
    ...sources.map((source) => ({ name: `consolidate ${source.name}`, sql: consolidateSql(definition, source) })),
    ...sources.map((source) => ({
      name: `aggregate ${source.name}`,
      sql: aggregateSql(definition, source, barrierAtMs),
    })),
    { name: 'states', sql: statesSql(definition) },
  ];
}

/** A record's place in the total order as one integer: imports first, then (epoch, partition, offset). */
const SEQUENCE = `CASE WHEN import IS NOT NULL THEN import::HUGEINT << 64
  ELSE ((1::HUGEINT << 62) + (epoch::HUGEINT << 24) + partition) * 9223372036854775808 END + position`;

/** Imports have 31 bits beside the 64 of a row's number, so that every record of the log is beyond this. */
const LOG_FROM = '(1::HUGEINT << 100)';

/**
 * Which of a key's records decides, the one with the most: a change or cancel of the log beats every import, which beats
 * every placement in the log; in the log the last change and the first placement, of imports the newest, and in it a change.
 */
const WEIGHT = `CASE
  WHEN seq < ${LOG_FROM} THEN seq + CASE WHEN placed THEN 0::HUGEINT ELSE 1::HUGEINT << 63 END
  WHEN placed THEN -seq
  ELSE seq END`;

/** The columns that a source's measures read, besides whose they are. Only `latest` asks which event said so, and when. */
function measuredColumns(definition: Definition, source: Source): readonly string[] {
  const measures = definition.measuresBySource.get(source.name) ?? [];
  const isDated = measures.some(({ measure }) => measure.aggregate.kind === 'latest');
  const envelope = ENVELOPE_COLUMNS.map(({ name }) => name);
  const fields = rowColumns(source).flatMap(({ name }) => (envelope.includes(name) ? [] : [`"${name}"`]));
  return isDated ? ['occurred_at', 'event_id', ...fields] : fields;
}

/**
 * The source's rows with their place in the order and hashes of what identifies them: its files are read this once, and
 * only what is needed of them.
 */
function scanSql(definition: Definition, source: Source): string {
  const columns = new Set(['customer_id', 'event_id', ...measuredColumns(definition, source)]);
  const keyed = source.keyed ? `, key, hash(customer_id, key) AS key_hash, kind = 'placed' AS placed` : '';
  return `CREATE TABLE scanned_${source.name} AS
SELECT ${[...columns].join(', ')}, ${SEQUENCE} AS seq, hash(customer_id, event_id) AS event_hash${keyed}
FROM landed_${source.name}`;
}

/**
 * Sequences of the records that repeat an earlier (customer_id, event_id), over all sources. Most ids are unique, so a
 * hash of the id sorts those out first, cheaply, and only the few that share a hash are compared in full.
 */
function repeatsSql(sources: readonly Source[]): string {
  const fromAll = (columns: string) =>
    sources.map((source) => `SELECT ${columns} FROM scanned_${source.name}`).join('\n  UNION ALL ');
  return `CREATE TEMP TABLE repeats AS
WITH shared AS (SELECT event_hash FROM (${fromAll('event_hash')}) GROUP BY event_hash HAVING count(*) > 1),
ids AS (${fromAll('event_hash, customer_id, event_id, seq')})
SELECT seq FROM (
  SELECT seq, row_number() OVER (PARTITION BY customer_id, event_id ORDER BY seq) AS nth
  FROM ids SEMI JOIN shared USING (event_hash)
) WHERE nth > 1`;
}

/**
 * One row for each (customer, key): the last change or cancel of the log decides; without one the last import that has
 * the key (its last change or cancel, else its last placement); else the first placement in the log. A key that no
 * record places is `unmatched`. Most keys have one row, which is found by its hash as repeats are.
 */
function consolidateSql(definition: Definition, source: Source): string {
  const scanned = `scanned_${source.name}`;
  const kept = 'ANTI JOIN repeats USING (seq)';
  const columns = measuredColumns(definition, source);
  if (!source.keyed) return `CREATE TEMP VIEW rows_${source.name} AS SELECT * FROM ${scanned} ${kept}`;
  const decided = columns.map((name) => `arg_max_null(${name}, ${WEIGHT}) AS ${name}`);
  return `CREATE TEMP TABLE contested_${source.name} AS
SELECT key_hash FROM ${scanned} GROUP BY key_hash HAVING count(*) > 1;
CREATE TEMP TABLE decided_${source.name} AS
SELECT customer_id, ${['NOT bool_or(placed) AS unmatched', ...decided].join(', ')}
FROM ${scanned} SEMI JOIN contested_${source.name} USING (key_hash) ${kept}
GROUP BY customer_id, key;
CREATE TEMP VIEW rows_${source.name} AS
SELECT ${['customer_id', 'NOT placed AS unmatched', ...columns].join(', ')}
FROM ${scanned} ANTI JOIN contested_${source.name} USING (key_hash) ${kept}
UNION ALL BY NAME SELECT * FROM decided_${source.name}`;
}

/** All measures of a source in one pass over its consolidated rows. */
function aggregateSql(definition: Definition, source: Source, barrierAtMs: number): string {
  const oldestHour = String(floorHour(barrierAtMs) - KEPT_HOURS);
  const selected: string[] = [];
  for (const { name, measure } of definition.measuresBySource.get(source.name) ?? []) {
    const expressions = measureSql(measure, oldestHour);
    measure.aggregate.columns(name).forEach((column, index) => {
      selected.push(`(${expressions[index]})::${DUCKDB_TYPES[column.type]} AS ${column.name}`);
    });
  }
  if (source.keyed) selected.push(`count(*) FILTER (WHERE unmatched) AS ${source.name}_unmatched`);
  return `CREATE TEMP TABLE per_${source.name} AS
SELECT customer_id${selected.map((expression) => `,\n  ${expression}`).join('')}
FROM rows_${source.name} GROUP BY customer_id`;
}

function statesSql(definition: Definition): string {
  const zeros = definition.measures.flatMap(({ measure }) => measure.aggregate.zero());
  const columns = definition.columns.map((column, index) => {
    if (column.name.endsWith('_rows') && index >= zeros.length) return `0::BIGINT AS ${column.name}`;
    return `coalesce(${column.name}, ${zeroSql(column, index < zeros.length ? zeros[index] : 0n)}) AS ${column.name}`;
  });
  const [first, ...others] = definition.sources.map((source) => `per_${source.name}`);
  return `CREATE TEMP VIEW states AS
SELECT customer_id, ${columns.join(',\n  ')}
FROM ${first}${others.map((other) => ` FULL JOIN ${other} USING (customer_id)`).join('')}
ORDER BY customer_id`;
}
