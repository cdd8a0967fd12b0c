import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a server says of itself in `postmaster.pid`. The file outlives a killed server: it is a claim, not a proof. */
export type Postmaster = { readonly pid: number; readonly port: number | null; readonly ready: boolean };

/** Reads the file, which the server fills line by line (PostgreSQL's miscadmin.h lists them). Null when there is none. */
export function readPostmaster(dataFolder: string): Postmaster | null {
  const path = join(dataFolder, 'postmaster.pid');
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, 'utf8').split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  const port = Number(lines[3]);
  return {
    pid,
    port: Number.isInteger(port) && port > 0 ? port : null,
    ready: lines[7]?.trim() === 'ready',
  };
}
