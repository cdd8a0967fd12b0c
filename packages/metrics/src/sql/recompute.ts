import type { Definition } from '../definition.ts';
import { measureSql } from '../measure.ts';
import type { Source } from '../source.ts';
import { floorHour, KEPT_HOURS } from '../window.ts';
import { DUCKDB_TYPES, zeroSql } from './column-sql.ts';

/**
 * The recompute as a list of DuckDB statements, to be run in order. They read one relation per source once, named
 * `landed_<source>` with the columns of `rowColumns`, and leave the table `states`: `customer_id`, then the
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
    ...sources.map((source) => ({ name: `scan ${source.name}`, sql: scanSql(source) })),
    { name: 'repeats', sql: repeatsSql(sources) },
    ...sources.map((source) => ({ name: `consolidate ${source.name}`, sql: consolidateSql(source) })),
    ...sources.map((source) => ({
      name: `aggregate ${source.name}`,
      sql: aggregateSql(definition, source, barrierAtMs),
    })),
    { name: 'states', sql: statesSql(definition) },
  ];
}

/** A record's place in the total order as one integer: imports first, then (epoch, partition, offset). */
const SEQUENCE = `CASE WHEN import IS NOT NULL THEN import::HUGEINT
  ELSE (1::HUGEINT << 62) + (epoch::HUGEINT << 24) + partition END * 9223372036854775808 + position`;

/** The source's rows with their place in the order and hashes of what identifies them: its files are read this once. */
function scanSql(source: Source): string {
  const keyHash = source.keyed ? ', hash(customer_id, key) AS key_hash' : '';
  return `CREATE TABLE scanned_${source.name} AS
SELECT * EXCLUDE (import, epoch, partition, position), import, ${SEQUENCE} AS seq, hash(customer_id, event_id) AS event_hash${keyHash}
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
function consolidateSql(source: Source): string {
  const scanned = `scanned_${source.name}`;
  const kept = 'ANTI JOIN repeats USING (seq)';
  if (!source.keyed) return `CREATE TEMP VIEW rows_${source.name} AS SELECT * FROM ${scanned} ${kept}`;
  return `CREATE TEMP TABLE contested_${source.name} AS
SELECT key_hash FROM ${scanned} GROUP BY key_hash HAVING count(*) > 1;
CREATE TEMP TABLE decided_${source.name} AS
SELECT * EXCLUDE (nth) FROM (
  SELECT *,
    NOT bool_or(kind = 'placed') OVER (PARTITION BY customer_id, key) AS unmatched,
    row_number() OVER (PARTITION BY customer_id, key ORDER BY
      (import IS NULL AND kind <> 'placed') DESC,
      import DESC NULLS LAST,
      (kind <> 'placed') DESC,
      CASE WHEN import IS NULL AND kind = 'placed' THEN -seq ELSE seq END DESC) AS nth
  FROM ${scanned} SEMI JOIN contested_${source.name} USING (key_hash) ${kept}
) WHERE nth = 1;
CREATE TEMP VIEW rows_${source.name} AS
SELECT *, kind <> 'placed' AS unmatched FROM ${scanned} ANTI JOIN contested_${source.name} USING (key_hash) ${kept}
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
  return `CREATE TEMP TABLE states AS
SELECT customer_id, ${columns.join(',\n  ')}
FROM ${first}${others.map((other) => ` FULL JOIN ${other} USING (customer_id)`).join('')}
ORDER BY customer_id`;
}
