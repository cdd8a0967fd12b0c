import type { Column } from '@tidemark/metrics';
import { quoteIdentifier } from '@tidemark/postgres';
import { table } from './schema.ts';
import { carried, insertText, stateColumns, updateAll } from './upsert.ts';

/** A statement that every connection prepares once, under its own name. */
export type Statement = { readonly name: string; readonly text: string };

export type Statements = Readonly<Record<keyof ReturnType<typeof texts>, Statement>>;

/** All statements of one set of tables. Arrays and scalars are bound, table and column names quoted into the text. */
export function statements(set: string, columns: readonly Column[]): Statements {
  const named = Object.entries(texts(set, columns)).map(([name, text]) => [name, { name: `${name} ${set}`, text }]);
  // Object.fromEntries loses the names that Object.entries was given.
  return Object.fromEntries(named) as Statements;
}

/**
 * Batch rows that a lineage may take, of its two parameters: `newest` of lineage.ts in SQL. The planner takes `<> ALL` of an
 * unknown list for next to nothing left, and would then sort the whole table for every page; `coalesce` it doesn't estimate.
 */
const inLineage = (generation: string, excluded: string): string =>
  `generation <= ${generation}::integer AND coalesce(NOT (generation = ANY (${excluded}::integer[])), true)`;

/** Deltas or markers of a slice: `inSlice` of lineage.ts in SQL. A generation of 0 takes them all. */
const inSlice = (generation: string, cutPartitions: string): string =>
  `(epoch >= ${generation}::integer OR (epoch = 0 AND NOT (partition = ANY (${cutPartitions}::integer[]))))`;

const KEYS = 'unnest($1::text[], $2::integer[], $3::integer[]) AS k(customer_id, epoch, partition)';
const SAME_KEY = 't.customer_id = k.customer_id AND t.epoch = k.epoch AND t.partition = k.partition';

function texts(set: string, columns: readonly Column[]) {
  const [batch, delta, touched] = [table('batch', set), table('delta', set), table('touched', set)];
  const [position, candidate, errors] = [
    table('position', set),
    table('candidate', set),
    table('processing_errors', set),
  ];
  const state = columns.map(({ name }) => `t.${quoteIdentifier(name)}`);
  const noDelta = ['NULL::integer AS partition', 'NULL::bigint AS last_offset', 'NULL::bytea AS ids'];
  const batchFields = ['t.customer_id', 't.generation', ...noDelta, ...state, 't.empty'].join(', ');
  const deltaFields = ['t.customer_id', 't.epoch', 't.partition', 't.last_offset', 't.ids', ...state].join(', ');

  const batchColumns = [
    carried('customer_id', 'text'),
    carried('generation', 'integer'),
    carried('empty', 'boolean'),
    ...stateColumns(columns),
  ];
  const keyColumns = [carried('customer_id', 'text'), carried('epoch', 'integer'), carried('partition', 'integer')];
  const deltaColumns = [
    ...keyColumns,
    carried('last_offset', 'bigint'),
    carried('ids', 'bytea'),
    ...stateColumns(columns),
  ];
  const errorColumns = [
    carried('partition', 'integer'),
    carried('offset', 'bigint'),
    carried('code', 'text'),
    carried('reason', 'text'),
    carried('bytes', 'bytea'),
  ];
  const deltaKeys = ['customer_id', 'epoch', 'partition'];

  return {
    // Both layers in one statement, with the columns of a delta; a batch row has no partition. The newest is the first that its index gives.
    read: `SELECT newest.* FROM unnest($1::text[]) AS k (customer_id) CROSS JOIN LATERAL (
        SELECT ${batchFields} FROM ${batch} AS t
        WHERE t.customer_id = k.customer_id AND ${inLineage('$2', '$3')} ORDER BY t.generation DESC LIMIT 1) AS newest
      UNION ALL SELECT ${deltaFields}, NULL::boolean FROM ${delta} AS t
        WHERE t.customer_id = ANY ($1::text[]) AND ${inSlice('$4', '$5')}`,
    scan_batch: `SELECT DISTINCT customer_id FROM ${batch}
      WHERE customer_id > $1 AND ${inLineage('$2', '$3')} ORDER BY customer_id LIMIT $4`,
    scan_deltas: `SELECT DISTINCT customer_id FROM ${delta}
      WHERE customer_id > $1 AND ${inSlice('$2', '$3')} ORDER BY customer_id LIMIT $4`,
    scan_deltas_to: `SELECT DISTINCT customer_id FROM ${delta}
      WHERE customer_id > $1 AND customer_id <= $5 AND ${inSlice('$2', '$3')} ORDER BY customer_id LIMIT $4`,
    write_batch: insertText(
      batch,
      batchColumns,
      `(customer_id, generation) DO UPDATE SET ${updateAll(batchColumns, ['customer_id', 'generation'])}`,
    ),
    load_deltas: `SELECT ${deltaFields} FROM ${delta} AS t, ${KEYS} WHERE ${SAME_KEY}`,
    write_deltas: insertText(
      delta,
      deltaColumns,
      `(customer_id, epoch, partition) DO UPDATE SET ${updateAll(deltaColumns, deltaKeys)} WHERE t.last_offset < excluded.last_offset`,
    ),
    write_touched: insertText(touched, keyColumns, 'DO NOTHING'),
    touched: `SELECT DISTINCT customer_id FROM ${touched}
      WHERE customer_id > $1 AND ${inSlice('$2', '$3')} ORDER BY customer_id LIMIT $4`,
    positions: `SELECT partition, "offset", epoch, previous_epoch, fingerprint, log_id FROM ${position}`,
    write_position: `INSERT INTO ${position} AS t (partition, "offset", epoch, previous_epoch, fingerprint, log_id)
      VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (partition) DO UPDATE SET "offset" = excluded."offset", epoch = excluded.epoch,
        previous_epoch = excluded.previous_epoch, fingerprint = excluded.fingerprint, log_id = excluded.log_id
      WHERE t."offset" < excluded."offset"`,
    write_candidates: `INSERT INTO ${candidate} (generation, list, customer_ids, scores) VALUES ($1, $2, $3, $4)
      ON CONFLICT (generation, list) DO UPDATE SET customer_ids = excluded.customer_ids, scores = excluded.scores`,
    candidates: `SELECT r.customer_id, r.score FROM ${candidate} AS t,
        unnest(t.customer_ids[:$3], t.scores[:$3]) WITH ORDINALITY AS r(customer_id, score, place)
      WHERE t.generation = $1 AND t.list = $2 ORDER BY r.place`,
    delete_candidates: `DELETE FROM ${candidate} WHERE generation = $1`,
    write_errors: insertText(errors, errorColumns, 'DO NOTHING'),
    errors: `SELECT partition, "offset", code, reason, bytes FROM ${errors}
      WHERE (partition, "offset") > ($1::integer, $2::bigint) ORDER BY partition, "offset" LIMIT $3`,
    count_errors: `SELECT code, count(*) FROM ${errors} GROUP BY code`,
    versions: `SELECT customer_id, array_agg(generation ORDER BY generation),
        coalesce(array_agg(generation ORDER BY generation) FILTER (WHERE empty), '{}')
      FROM ${batch} WHERE customer_id > $1 GROUP BY customer_id HAVING count(*) > 1 OR bool_or(empty)
      ORDER BY customer_id LIMIT $2`,
    delete_batch: `DELETE FROM ${batch} AS t USING unnest($1::text[], $2::integer[]) AS k(customer_id, generation)
      WHERE t.customer_id = k.customer_id AND t.generation = k.generation`,
    touched_below: `SELECT customer_id, epoch, partition FROM ${touched} WHERE partition = $1 AND epoch < $2 LIMIT $3`,
    delete_deltas: `DELETE FROM ${delta} AS t USING ${KEYS} WHERE ${SAME_KEY} AND t.last_offset < $4::bigint`,
    delete_touched: `DELETE FROM ${touched} AS t USING ${KEYS} WHERE ${SAME_KEY}
      AND NOT EXISTS (SELECT FROM ${delta} AS d
        WHERE d.customer_id = k.customer_id AND d.epoch = k.epoch AND d.partition = k.partition)`,
  };
}
