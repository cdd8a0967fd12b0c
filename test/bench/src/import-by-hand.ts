import { open } from 'node:fs/promises';
import { type Session, textLiteral } from '@tidemark/duckdb';

const isIdentifier = (column: string): string =>
  `strlen(${column}) BETWEEN 1 AND 256 AND NOT regexp_matches(${column}, '[[:cntrl:]]')`;

const TIME = "strftime(placed_at, '%Y-%m-%dT%H:%M:%S.%gZ')";

/** The JSON of an order, with what comes first. */
const body = (first: string): string =>
  `to_json({${first} event_type: 'order_placed', customer_id: customer_id, occurred_at: ${TIME}, order_id: order_id,
    order_date: ${TIME}, total_amount: amount::VARCHAR})`;

/**
 * One script, as somebody would write it who knows what an order is, that leaves what an import leaves: values typed and
 * checked, an id of each row by its content, its JSON, of lines with the same key the last one, and the two files of events
 * and rows, on disk for good. The session keeps the order of what it reads. Answers how many orders there are.
 */
export async function importByHand(
  session: Session,
  path: string,
  files: { events: string; rows: string },
): Promise<number> {
  const { connection } = session;
  await connection.run(`
    CREATE TABLE lines AS FROM read_csv(${textLiteral(path)}, all_varchar = true);
    CREATE TABLE orders AS
      SELECT *, 'row-' || left(sha256(${body('')}), 32) AS event_id FROM (
        SELECT (rowid + 2) * 2 AS position, who AS customer_id, id AS order_id, TRY_CAST(amount AS DECIMAL(18, 2)) AS amount,
          TRY_CAST(day AS TIMESTAMP) AS placed_at FROM lines)
      WHERE ${isIdentifier('customer_id')} AND ${isIdentifier('order_id')} AND amount >= 0
        AND placed_at >= TIMESTAMP '1970-01-01' AND placed_at < TIMESTAMP '3000-01-01';
    DROP TABLE lines;
    CREATE TABLE repeats AS
      SELECT position FROM orders
      WHERE hash(customer_id, order_id) IN (SELECT hash(customer_id, order_id) AS key FROM orders GROUP BY key HAVING count(*) > 1)
      QUALIFY row_number() OVER (PARTITION BY customer_id, order_id ORDER BY position DESC) > 1;
    DELETE FROM orders WHERE position IN (FROM repeats);
    COPY (
      SELECT NULL::INTEGER AS epoch, NULL::INTEGER AS "partition", position, NULL::BIGINT AS timestamp_ms,
        NULL::VARCHAR AS reject_code, event_id, 'order_placed' AS event_type, customer_id, epoch_ms(placed_at) AS occurred_at,
        NULL::BLOB AS record_key, encode(${body('event_id: event_id,')}::VARCHAR) AS raw
      FROM orders
    ) TO ${textLiteral(files.events)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1);
    COPY (
      SELECT NULL::INTEGER AS epoch, NULL::INTEGER AS "partition", position, customer_id, event_id, epoch_ms(placed_at) AS occurred_at,
        order_id AS key, 'placed' AS kind, epoch_ms(placed_at) AS order_date, (amount * 100)::BIGINT AS total_amount, false AS cancelled
      FROM orders
    ) TO ${textLiteral(files.rows)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`);
  for (const file of Object.values(files)) {
    const handle = await open(file);
    await handle.sync();
    await handle.close();
  }
  const counted = await connection.runAndReadAll(`SELECT count(*) FROM read_parquet(${textLiteral(files.events)})`);
  return Number(counted.getRows()[0]?.[0]);
}
