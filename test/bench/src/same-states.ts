import { identifier, type Session, textLiteral } from '@tidemark/duckdb';
import { type ColumnType, type Definition, DUCKDB_TYPES } from '@tidemark/metrics';

/**
 * Throws unless a peer's states, a folder of Parquet files, are those of the snapshot: the same customers, and the same
 * value in every column. Two kinds of columns only deltas use, and a peer has none of them: what was taken back, and the
 * rows of a source. Sums wider than the peer's integers, times in other units and maps in another order are the same.
 */
export async function expectSameStates(
  session: Session,
  { columns, counters }: Definition,
  snapshot: string,
  states: string,
): Promise<void> {
  const compared = columns.filter(
    ({ name }, at) => !name.endsWith('_taken') && !counters.some(({ rowsAt }) => rowsAt === at),
  );
  const differing = compared.map(({ name, type }) => {
    const [ours, theirs] = [`ours.${identifier(name)}`, `theirs.${identifier(name)}`];
    return `count(*) FILTER (WHERE ${comparable(ours, type)} IS DISTINCT FROM ${comparable(theirs, type)})`;
  });
  const result = await session.connection.runAndReadAll(`
    SELECT count(ours.customer_id), count(theirs.customer_id), count(*), ${differing.join(', ')}
    FROM read_parquet(${textLiteral(snapshot)}) ours
    FULL JOIN read_parquet(${textLiteral(`${states}/*.parquet`)}) theirs ON ours.customer_id = theirs.customer_id`);
  const [ours, theirs, all, ...counts] = (result.getRows()[0] ?? []).map(Number);
  if (!ours || ours !== theirs || ours !== all)
    throw new Error(`${ours} customers here and ${theirs} of the peer are ${all} different ones`);
  const wrong = compared.flatMap(({ name }, at) => (counts[at] === 0 ? [] : [`${name} of ${counts[at]} customers`]));
  if (wrong.length > 0) throw new Error(`the peer differs in ${wrong.join(', ')}`);
}

function comparable(value: string, type: ColumnType): string {
  const cast = `${value}::${DUCKDB_TYPES[type]}`;
  return type === 'text_counts' || type === 'hour_counts' ? `list_sort(map_entries(${cast}))` : cast;
}
