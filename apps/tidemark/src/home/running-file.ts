import { rmSync } from 'node:fs';
import { findEmbeddedPostgres } from '@tidemark/embedded-postgres';
import { z } from 'zod';
import { folderPaths } from './data-folder.ts';
import { isProcess, startName } from './lock.ts';
import { readSmallFile, writeSmallFile } from './small-file.ts';

/** A store's URL; null is the database of the folder's own PostgreSQL, whose password stays in its own file. */
const storeUrl = z.string().nullable();

const processSchema = z.object({
  name: z.string(),
  pid: z.int().nullable(),
  state: z.enum(['starting', 'running', 'waiting', 'stopped']),
  restarts: z.int(),
  since: z.iso.datetime(),
});

const runningSchema = z.object({
  pid: z.int(),
  start: z.string(),
  kind: z.enum(['demo', 'own']),
  currency: z.string(),
  definition: z.string(),
  partitions: z.int(),
  startedAt: z.iso.datetime(),
  ready: z.boolean(),
  apiUrl: z.string().nullable(),
  logUrl: storeUrl,
  viewsUrl: storeUrl,
  catalogUrl: storeUrl,
  lakeUrl: z.string(),
  /** What its apps were started with, as environment: what runs beside them must agree. Nothing secret. */
  settings: z.record(z.string(), z.string()),
  processes: z.array(processSchema),
});

/** What a running system tells every other command: who it is, where it answers, what it is made of. */
export type Running = z.output<typeof runningSchema>;
export type RunningProcess = z.output<typeof processSchema>;

/** The one database of the embedded PostgreSQL: log, views and catalog are schemas in it. */
export const EMBEDDED_DATABASE = 'tidemark';

export function writeRunning(folder: string, running: Omit<Running, 'pid' | 'start'>): void {
  const self = { pid: process.pid, start: startName(process.pid) ?? '' };
  writeSmallFile(folderPaths(folder).running, `${JSON.stringify({ ...self, ...running }, null, 1)}\n`);
}

export function removeRunning(folder: string): void {
  rmSync(folderPaths(folder).running, { force: true });
}

/** The system that runs in the folder now; null when none does, whatever a killed one left. */
export function readRunning(folder: string): Running | null {
  const text = readSmallFile(folderPaths(folder).running);
  if (text === null) return null;
  const parsed = runningSchema.safeParse(JSON.parse(text));
  return parsed.success && isProcess(parsed.data.pid, parsed.data.start) ? parsed.data : null;
}

/** URLs of the running system's stores, with their passwords; null for one whose PostgreSQL can't be found just now. */
export function storeUrls(
  folder: string,
  running: Running,
): Record<'logUrl' | 'viewsUrl' | 'catalogUrl', string | null> {
  const embedded = findEmbeddedPostgres(folderPaths(folder).postgres)?.url(EMBEDDED_DATABASE) ?? null;
  return {
    logUrl: running.logUrl ?? embedded,
    viewsUrl: running.viewsUrl ?? embedded,
    catalogUrl: running.catalogUrl ?? embedded,
  };
}
