import { DuckDBBlobValue } from '@duckdb/node-api';
import { parse } from '@tidemark/contracts';
import { type Session, textLiteral } from '@tidemark/duckdb';
import type { Lake } from '@tidemark/lake';
import type { Definition } from '@tidemark/metrics';
import { z } from 'zod';
import { EVENTS_PER_ROW, type Writers } from './event-stage.ts';
import { RESOLVED_SUFFIX } from './import-source.ts';
import { returnedIdSql } from './row-reader.ts';

/** How rows are told from those of earlier imports. */
export type Identity =
  /** By their content under a key: what differs from the newest import of the key replaces it. */
  | 'content'
  /** By an id that the file gives, or by file and line. */
  | 'id';

/** Rows, each counted once. */
export type Settled = { readonly imported: number; readonly repeated: number; readonly replaced: number };

const STAGED = 'staged_events';
const EARLIER = 'earlier_events';
const CONTESTED = 'contested_events';
const VERDICTS = 'verdicts';
const RETURNED = 'returned_events';

/**
 * Compares what was staged with every import before it, and takes back what they hold already. To be called under the
 * import lock, so that none comes between. `isKnownFile`: the same content was imported before, so that what it says is
 * not news, whatever came after it.
 */
export async function settle(
  session: Session,
  lake: Lake,
  definition: Definition,
  writers: Writers,
  options: { readonly identity: Identity; readonly isKnownFile: boolean },
): Promise<Settled> {
  const { connection } = session;
  const { contested, verdicts, isCounted } = options.identity === 'content' ? byContent(options.isKnownFile) : BY_ID;
  try {
    await connection.run(`CREATE VIEW ${STAGED} AS ${stagedSql(definition, writers)}`);
    await connection.run(`CREATE TABLE ${EARLIER} AS ${await earlierSql(lake, definition)}`);
    await connection.run(`CREATE TABLE ${CONTESTED} AS ${contestedSql(contested)}`);
    await connection.run(`CREATE TABLE ${VERDICTS} AS ${verdicts}`);
    await connection.run(
      `CREATE TABLE ${RETURNED} AS SELECT e.position, e.raw, v.new_id FROM ${writers.events.relation} AS e
       JOIN ${VERDICTS} AS v ON e.position // ${EVENTS_PER_ROW} = v.row WHERE v.new_id IS NOT NULL`,
    );
    const settled = await countVerdicts(session, isCounted);
    const dropped = `SELECT row * ${EVENTS_PER_ROW} + unnest(range(${EVENTS_PER_ROW})) FROM ${VERDICTS}
      WHERE verdict NOT IN ('imported', 'replaced') OR new_id IS NOT NULL`;
    if (settled.repeated + settled.replaced > 0) {
      await writers.rows.drop(dropped);
      await writers.events.drop(dropped);
      await appendReturned(session, definition, writers);
    }
    return settled;
  } finally {
    await connection.run(`DROP VIEW IF EXISTS ${STAGED}`);
    for (const table of [EARLIER, CONTESTED, VERDICTS, RETURNED]) await connection.run(`DROP TABLE IF EXISTS ${table}`);
  }
}

/** What is about to be imported: a line for each event, with the row it belongs to. */
function stagedSql(definition: Definition, writers: Writers): string {
  const parts = definition.sources.map((source) => {
    const relation = writers.rows.relations.get(source.name);
    return `SELECT ${textLiteral(source.name)} AS source, ${source.keyed} AS keyed, customer_id, event_id, key, kind, position,
      position // ${EVENTS_PER_ROW} AS row FROM ${relation}`;
  });
  return parts.join(' UNION ALL ');
}

/** The events of every import, of the customers of staged ones. */
async function earlierSql(lake: Lake, definition: Definition): Promise<string> {
  const files = await lake.rowFiles(definition, { partitions: new Map(), imports: Number.MAX_SAFE_INTEGER });
  const parts = definition.sources.flatMap((source) =>
    (files.get(source.name) ?? []).map(
      (file) => `SELECT ${textLiteral(source.name)} AS source, customer_id, event_id, key, kind,
        ${file.import ?? 0}::HUGEINT * 9223372036854775808 + position AS seq FROM read_parquet(${textLiteral(file.location)})`,
    ),
  );
  const none = `SELECT '' AS source, '' AS customer_id, '' AS event_id, '' AS key, '' AS kind, 0::HUGEINT AS seq WHERE false`;
  if (parts.length === 0) return none;
  return `SELECT * FROM (${parts.join(' UNION ALL ')}) SEMI JOIN ${STAGED} USING (customer_id)`;
}

/** How rows are judged that share something with others: all that share one of these with a row are judged beside it. */
type Judgement = {
  readonly contested: readonly string[];
  /** A query over the contested events: `row`, `verdict` and `new_id` of each. */
  readonly verdicts: string;
  /** SQL of which of the staged events stands for its row. */
  readonly isCounted: string;
};

/**
 * The staged events that share one of these with another, or with an earlier one: all others are new. Hashes stand for what
 * is shared, which makes it quick; that two may have one by chance only has more of them judged.
 */
function contestedSql(shared: readonly string[]): string {
  const isShared = shared.map((columns) => {
    const hash = `hash(${columns})`;
    return `${hash} IN (SELECT ${hash} AS shared FROM ${STAGED} GROUP BY shared HAVING count(*) > 1
      UNION ALL SELECT ${hash} FROM ${EARLIER})`;
  });
  return `SELECT * FROM ${STAGED} WHERE ${isShared.join(' OR ')}`;
}

/**
 * Of a key's versions in the file only the last counts. It repeats the newest import of the key, or replaces it; one
 * that was imported before and then replaced has come back, and gets a new id, or it would be dropped as a repeat.
 */
const byContent = (isKnownFile: boolean): Judgement => ({
  contested: ['source, customer_id, key, kind'],
  isCounted: "kind = 'placed'",
  verdicts: `
WITH versions AS (
  SELECT customer_id, key, event_id, row, lead(event_id) OVER (PARTITION BY customer_id, key ORDER BY position) AS next_id
  FROM ${CONTESTED} WHERE kind = 'placed'
), history AS (
  -- Not list(… ORDER BY seq): that sorts each key apart, and takes six times as long.
  SELECT customer_id, key, [each.id FOR each IN list_reverse_sort(list({seq: seq, id: event_id}))] AS ids
  FROM ${EARLIER} SEMI JOIN ${CONTESTED} USING (customer_id, key, source) WHERE kind = 'placed' GROUP BY customer_id, key
), judged AS (
  SELECT row, event_id, ids, CASE
    WHEN next_id = event_id THEN 'repeated_in_file'
    WHEN next_id IS NOT NULL THEN 'replaced_in_file'
    WHEN ids IS NULL THEN 'imported'
    WHEN ids[1] = event_id THEN 'repeated'
    WHEN ids[1] = ${returnedIdSql('event_id', 'ids[2]')} THEN 'repeated'
    WHEN ${isKnownFile} AND list_contains(ids, event_id) THEN 'repeated'
    ELSE 'replaced' END AS verdict
  FROM versions LEFT JOIN history USING (customer_id, key)
)
SELECT row, verdict, CASE WHEN verdict = 'replaced' AND list_contains(ids, event_id)
  THEN ${returnedIdSql('event_id', 'ids[1]')} END AS new_id FROM judged`,
});

/** The first of an id counts. A new id for a known key replaces it. */
const BY_ID: Judgement = {
  contested: ['customer_id, event_id', 'source, customer_id, key, kind'],
  isCounted: `position % ${EVENTS_PER_ROW} = 0`,
  verdicts: `
WITH firsts AS (
  SELECT row, source, keyed, customer_id, key, kind, event_id,
    row_number() OVER (PARTITION BY customer_id, event_id ORDER BY position) > 1 AS in_file,
    row_number() OVER (PARTITION BY customer_id, source, key, kind ORDER BY position) > 1 AS key_in_file
  FROM ${CONTESTED} WHERE position % ${EVENTS_PER_ROW} = 0
), ids AS (SELECT DISTINCT customer_id, event_id, true AS known FROM ${EARLIER}),
keys AS (SELECT DISTINCT customer_id, source, key, true AS known FROM ${EARLIER} WHERE kind = 'placed')
SELECT row, CASE
    WHEN in_file OR ids.known THEN 'repeated'
    WHEN keyed AND kind = 'placed' AND (keys.known OR key_in_file) THEN 'replaced'
    ELSE 'imported' END AS verdict,
  NULL::VARCHAR AS new_id
FROM firsts LEFT JOIN ids USING (customer_id, event_id) LEFT JOIN keys USING (customer_id, source, key)`,
};

const wire = z.looseObject({ event_id: z.string() });

async function appendReturned(session: Session, definition: Definition, writers: Writers): Promise<void> {
  const connection = await session.connect();
  try {
    const result = await connection.stream(`SELECT position, raw, new_id FROM ${RETURNED}`);
    for await (const rows of result.yieldRows()) {
      for (const [position, raw, newId] of rows) {
        if (!(raw instanceof DuckDBBlobValue)) throw new TypeError('a staged event has no bytes');
        const event = wire.parse(JSON.parse(Buffer.from(raw.bytes).toString()));
        const suffix = event.event_id.endsWith(RESOLVED_SUFFIX) ? RESOLVED_SUFFIX : '';
        const value = Buffer.from(JSON.stringify({ ...event, event_id: `${String(newId)}${suffix}` }));
        const place = { row: Number(position) };
        const parsed = parse(value, { currency: definition.currency });
        writers.events.append({ place, key: null, value, timestampMs: null, parsed });
        if (parsed.ok) writers.rows.append(place, parsed.event);
      }
    }
  } finally {
    connection.closeSync();
  }
}

/** Rows that have no verdict are new. */
async function countVerdicts(session: Session, isCounted: string): Promise<Settled> {
  const sql = `SELECT count(*) FILTER (verdict LIKE 'repeated%'), count(*) FILTER (verdict LIKE 'replaced%'),
    (SELECT count(*) FROM ${STAGED} WHERE ${isCounted}) FROM ${VERDICTS}`;
  const [[repeated, replaced, all] = []] = (await session.connection.runAndReadAll(sql)).getRows();
  const others = { repeated: Number(repeated), replaced: Number(replaced) };
  return { imported: Number(all) - others.repeated - others.replaced, ...others };
}
