import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { identifier, type Session, textListLiteral, textLiteral } from '@tidemark/duckdb';
import { type Definition, recomputeSql } from '@tidemark/metrics';
import type { RecomputeRequest, RecomputeResult } from '../port.ts';
import { definitionOf, type LandedSql, landedIn, viewLanded } from './landed-rows.ts';
import { sliceLanded } from './slices.ts';
import { DIGEST, digestSql } from './state-digest.ts';

export type RecomputeLimits = {
  /** Rows of history that are worked on at once: of a longer one, some customers after the others. */
  readonly rowsAtOnce: number;
  /** Where the rows wait meanwhile. */
  readonly tempFolder: string;
};

/** Runs a statement under a name, by which its progress is told and its time counted. Answers the rows it wrote. */
export type RunStatement = (connection: DuckDBConnection, name: string, sql: string) => Promise<number>;

/**
 * Every customer's state over the whole history, as one Parquet file in the order of `customer_id`. All that the metrics
 * ask of a row lies within its customer, so a history that is too long for the memory is cut into slices of customers,
 * and nobody can tell by the result.
 */
export async function recompute(
  session: Session,
  request: RecomputeRequest,
  { rowsAtOnce, tempFolder }: RecomputeLimits,
  onProgress: (step: string) => void,
): Promise<RecomputeResult> {
  const definition = definitionOf(request.currency, request.definitionId);
  const durations: Record<string, number> = {};
  const run: RunStatement = async (connection, name, sql) => {
    onProgress(name);
    const began = performance.now();
    const { rowsChanged } = await connection.run(sql);
    durations[name] = (durations[name] ?? 0) + Math.round(performance.now() - began);
    return rowsChanged;
  };
  const folder = join(tempFolder, `recompute-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const slices = await sliceLanded(session, definition, landedIn(request.rows), { rowsAtOnce, folder }, run);
    const [whole] = slices;
    if (slices.length === 1 && whole) {
      const customers = await recomputeSlice(session, definition, whole, request.barrierAtMs, request.snapshot, run);
      return { customers, durations };
    }
    const parts: string[] = [];
    let customers = 0;
    for (const landed of slices) {
      const part = join(folder, `states-${parts.length}.parquet`);
      parts.push(part);
      customers += await recomputeSlice(session, definition, landed, request.barrierAtMs, part, run);
    }
    await joinParts(session, parts, request.snapshot, run);
    return { customers, durations };
  } catch (error) {
    await rm(request.snapshot, { force: true });
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The states of the customers of a slice, ordered. Temporary tables and views go with the connection. The rows are scanned
 * into a database of their own, compressed: at 20 million the same tables, uncompressed, spill to disk and take more than
 * twice as long.
 */
async function recomputeSlice(
  session: Session,
  definition: Definition,
  landed: LandedSql,
  barrierAtMs: number,
  to: string,
  run: RunStatement,
): Promise<number> {
  const connection = await session.connect();
  try {
    await viewLanded(connection, definition, landed);
    const history = identifier(`history ${randomUUID()}`);
    await connection.run(`ATTACH ':memory:' AS ${history} (COMPRESS); USE ${history}`);
    try {
      for (const { name, sql } of recomputeSql(definition, barrierAtMs)) await run(connection, name, sql);
      const digested = `SELECT *, ${digestSql(definition.columns)} AS ${DIGEST} FROM states`;
      return await run(connection, 'snapshot', copySql(digested, to));
    } finally {
      await connection.run(`USE memory; DETACH ${history}`);
    }
  } finally {
    connection.closeSync();
  }
}

/** One file of the slices' states, which are each in order, and follow one another. */
async function joinParts(session: Session, parts: readonly string[], to: string, run: RunStatement): Promise<void> {
  const { connection } = session;
  // Said of all connections: without it a file's rows may be written before those of the file before it.
  await connection.run('SET preserve_insertion_order = true');
  try {
    await run(connection, 'join', copySql(`SELECT * FROM read_parquet(${textListLiteral(parts)})`, to));
  } finally {
    await connection.run('SET preserve_insertion_order = false');
  }
}

const copySql = (select: string, to: string): string =>
  `COPY (${select}) TO ${textLiteral(to)} (FORMAT parquet, COMPRESSION zstd)`;
