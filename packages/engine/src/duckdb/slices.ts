import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Session, textListLiteral, textLiteral } from '@tidemark/duckdb';
import type { Definition, Source } from '@tidemark/metrics';
import { type LandedSql, landedIn } from './landed-rows.ts';
import type { RunStatement } from './recompute.ts';

/** Customers looked at for where slices should begin: each slice is then within a few hundredths of its share. */
const SAMPLED_ROWS = 20_000;

export type SliceOptions = {
  readonly rowsAtOnce: number;
  /** For the slices' files; whoever made it removes it. */
  readonly folder: string;
};

/** So many slices are each read out of all files: to write every row where it belongs costs as much as reading it four times. */
const FEW_SLICES = 3;

/**
 * The landed rows in slices of about `rowsAtOnce`: each has all rows of its customers, and the ids of one slice are below
 * those of the next. A history that is not longer is one slice. Of one that has many, each row is first written to the slice it
 * belongs to, so that none is read more than twice.
 */
export async function sliceLanded(
  session: Session,
  definition: Definition,
  landed: LandedSql,
  { rowsAtOnce, folder }: SliceOptions,
  run: RunStatement,
): Promise<readonly LandedSql[]> {
  const { connection } = session;
  const rows = await countRows(connection, definition, landed);
  const bounds = rows > rowsAtOnce ? await boundsOf(connection, definition, landed, Math.ceil(rows / rowsAtOnce)) : [];
  if (bounds.length === 0) return [landed];
  const slices = Array.from({ length: bounds.length + 1 }, (_, nth) => nth);
  if (slices.length <= FEW_SLICES)
    return slices.map(
      (nth) => (source) => `SELECT * FROM (${landed(source)}) WHERE ${isBetween(bounds[nth - 1], bounds[nth])}`,
    );
  for (const source of definition.sources) {
    const numbered = `SELECT *, ${sliceSql(bounds, 0, bounds.length)} AS slice FROM (${landed(source)})`;
    await run(
      connection,
      `slice ${source.name}`,
      `COPY (${numbered}) TO ${textLiteral(join(folder, source.name))} (${SLICED})`,
    );
  }
  return Promise.all(slices.map((nth) => landedInSlice(definition, folder, nth)));
}

async function landedInSlice({ sources }: Definition, folder: string, nth: number): Promise<LandedSql> {
  const files = new Map<Source, readonly string[]>();
  for (const source of sources) files.set(source, await filesIn(join(folder, source.name, `slice=${nth}`)));
  return (source) => {
    const own = files.get(source) ?? [];
    if (own.length === 0) return landedIn({})(source);
    return `SELECT * FROM read_parquet(${textListLiteral(own)}, hive_partitioning = false)`;
  };
}

/** Read once and soon: what compression saves of the disk it costs twice in time. */
const SLICED =
  'FORMAT parquet, PARTITION_BY (slice), COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1, WRITE_BLOOM_FILTER false';

async function countRows(connection: DuckDBConnection, { sources }: Definition, landed: LandedSql): Promise<number> {
  const counted = sources.map((source) => `SELECT count(*) AS rows FROM (${landed(source)})`);
  const [row] = (await connection.runAndReadAll(`SELECT sum(rows) FROM (${counted.join(' UNION ALL ')})`)).getRows();
  return Number(row?.[0]);
}

/** The first ids of all slices but the first, ascending: quantiles of the rows, so a busy customer counts for what it weighs. */
async function boundsOf(
  connection: DuckDBConnection,
  { sources }: Definition,
  landed: LandedSql,
  slices: number,
): Promise<readonly string[]> {
  const ids = sources.map((source) => `SELECT customer_id FROM (${landed(source)})`).join(' UNION ALL ');
  const parts = Array.from({ length: slices - 1 }, (_, nth) => (nth + 1) / slices);
  const found =
    await connection.runAndReadAll(`SELECT DISTINCT unnest(quantile_disc(customer_id, [${parts.join(', ')}])) AS bound
    FROM (SELECT customer_id FROM (${ids}) USING SAMPLE reservoir(${SAMPLED_ROWS} ROWS)) ORDER BY bound`);
  return found.getRows().map(([bound]) => String(bound));
}

/** True of a customer from one bound on and below another; undefined bounds nothing. */
function isBetween(from: string | undefined, below: string | undefined): string {
  const above = from === undefined ? 'true' : `customer_id >= ${textLiteral(from)}`;
  return below === undefined ? above : `${above} AND customer_id < ${textLiteral(below)}`;
}

/** The number of a customer's slice, of those from one number to another: by halves, since there may be hundreds. */
function sliceSql(bounds: readonly string[], from: number, to: number): string {
  if (from === to) return `${from}`;
  const middle = (from + to) >> 1;
  return `CASE WHEN customer_id < ${textLiteral(bounds[middle] ?? '')} THEN ${sliceSql(bounds, from, middle)} ELSE ${sliceSql(bounds, middle + 1, to)} END`;
}

/** A slice that no row is in has no folder. */
async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).map((name) => join(folder, name));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
