import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from '@tidemark/postgres';

/** Connections of PostgreSQL tell what they wrote when they have been idle for ten seconds. */
const TOLD_AFTER_MS = 11_000;

/** Of a table whose name is like it: rows, how often rows were written, and bytes with its indexes. */
export async function tableBytes(pool: Pool, like: string): Promise<{ rows: number; written: number; bytes: number }> {
  await pause(TOLD_AFTER_MS);
  const found = await pool.query<{ name: string; written: string; bytes: string }>(
    `SELECT relid::regclass::text AS name, (n_tup_ins + n_tup_upd)::text AS written, pg_total_relation_size(relid)::text AS bytes
     FROM pg_stat_user_tables WHERE relname LIKE $1`,
    [like],
  );
  const [table] = found.rows;
  if (table === undefined || found.rows.length > 1) throw new Error(`${found.rows.length} tables are like ${like}`);
  const { rows } = await pool.query<{ rows: string }>(`SELECT count(*)::text AS rows FROM ${table.name}`);
  return { rows: Number(rows[0]?.rows), written: Number(table.written), bytes: Number(table.bytes) };
}

export async function folderBytes(path: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
