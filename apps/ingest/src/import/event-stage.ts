import type { Session } from '@tidemark/duckdb';
import type { Lake } from '@tidemark/lake';
import type { RowReader } from './row-reader.ts';

/** Rows that become no event: `first_line`, `code`, `reason`. */
export const REJECTED = 'rejected_rows';

/** A row may have two events: an event's position in the import is twice its line, and one more for the second. */
export const EVENTS_PER_ROW = 2;

/** The lake's writers of one import. */
export type Writers = {
  readonly events: Awaited<ReturnType<Lake['eventWriter']>>;
  readonly rows: Awaited<ReturnType<Lake['rowWriter']>>;
  readonly quarantine: Awaited<ReturnType<Lake['quarantineWriter']>>;
};

/**
 * Reads the rows of the session for which a SQL condition holds and appends the events of the good ones to the lake's
 * writers, in no order but by position; those that become none are left in the table `rejected_rows`, of all rows. Bounded
 * in memory. `onRow` hears of each row that is read.
 */
export async function stageEvents(
  session: Session,
  reader: RowReader,
  condition: string,
  writers: Writers,
  onRow: () => void,
): Promise<void> {
  await session.connection.run(
    `CREATE TABLE ${REJECTED} AS SELECT first_line, rejected[1] AS code, rejected[2] AS reason
     FROM ${reader.relation} WHERE rejected IS NOT NULL`,
  );
  const rejected = await session.connection.createAppender(REJECTED);
  const connection = await session.connect();
  try {
    const result = await connection.stream(
      `SELECT first_line, ${reader.columns.join(', ')} FROM ${reader.relation} WHERE rejected IS NULL AND ${condition}`,
    );
    for await (const rows of result.yieldRows()) {
      for (const [first, ...values] of rows) {
        const line = Number(first);
        const row = reader.read(line, values);
        onRow();
        if (row.rejected) {
          rejected.appendBigInt(BigInt(line));
          rejected.appendVarchar(row.rejected.code);
          rejected.appendVarchar(row.rejected.reason);
          rejected.endRow();
        }
        row.events.forEach(({ value, parsed }, index) => {
          const place = { row: line * EVENTS_PER_ROW + index };
          writers.events.append({ place, key: null, value, timestampMs: null, parsed });
          writers.rows.append(place, parsed.event);
        });
      }
    }
  } finally {
    connection.closeSync();
    rejected.closeSync();
  }
}
