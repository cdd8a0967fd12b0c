import { identifier } from '@tidemark/duckdb';
import type { Column } from '@tidemark/metrics';

/** What a snapshot calls its digests. No column of a definition begins with a line. */
export const DIGEST = '_digest';

/**
 * SQL of a row's digest, 128 bits as a UUID: two rows of one definition are the same customer in the same state if theirs are
 * equal. It is of DuckDB's sort key, bytes that differ wherever values do, null and empty among them. Another version of
 * DuckDB may make other keys: then all rows differ, which costs time and loses no change.
 *
 * SHA-256, since who sends events decides about a part of the state: with a weaker hash they could make a change that is not seen.
 */
export function digestSql(columns: readonly Column[]): string {
  const names = ['customer_id', ...columns.map(({ name }) => name)];
  const keyed = names.map((name) => `${identifier(name)}, 'ASC NULLS FIRST'`);
  return `left(sha256(create_sort_key(${keyed.join(', ')})), 32)::UUID`;
}
