import { DuckDBBlobValue } from '@duckdb/node-api';
import type { Session } from '@tidemark/duckdb';
import { REJECTED, type Writers } from './event-stage.ts';
import { INPUT } from './input-table.ts';
import { linesOfRows } from './mapped-rows.ts';
import type { Mapping } from './mapping.ts';

/** Rows and lines that were turned away, by reason code. */
export class QuarantineCounts {
  readonly #counts = new Map<string, { rows: number; lines: number }>();

  add(code: string, rows: number, lines: number): void {
    const known = this.#counts.get(code) ?? { rows: 0, lines: 0 };
    this.#counts.set(code, { rows: known.rows + rows, lines: known.lines + lines });
  }

  /** Rows of all codes. */
  get total(): number {
    return [...this.#counts.values()].reduce((sum, { rows }) => sum + rows, 0);
  }

  /** The most frequent first. */
  get byCode(): Readonly<Record<string, { readonly rows: number; readonly lines: number }>> {
    return Object.fromEntries([...this.#counts].sort(([, a], [, b]) => b.rows - a.rows));
  }
}

/** Gives every line of every rejected row to the lake's quarantine, as it was. */
export async function quarantineRows(
  session: Session,
  mapping: Mapping,
  writers: Writers,
  counts: QuarantineCounts,
): Promise<void> {
  const connection = await session.connect();
  try {
    const result = await connection.stream(
      `SELECT line, code, reason, raw, bytes, line = first_line AS is_first
       FROM (${linesOfRows(mapping, REJECTED)}) JOIN ${REJECTED} USING (first_line) JOIN ${INPUT} USING (line)`,
    );
    for await (const rows of result.yieldRows()) {
      for (const [line, code, reason, raw, bytes, isFirst] of rows) {
        const rejected = {
          line: Number(line),
          code: String(code),
          reason: String(reason),
          raw: bytes instanceof DuckDBBlobValue ? bytes.bytes : Buffer.from(String(raw)),
        };
        writers.quarantine.append(rejected);
        counts.add(rejected.code, isFirst === true ? 1 : 0, 1);
      }
    }
  } finally {
    connection.closeSync();
  }
}
