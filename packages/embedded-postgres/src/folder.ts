import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './error.ts';
import { startOf } from './process.ts';

/** Where things are in the folder of an embedded server. All but `data` are small files a person can read. */
export const paths = (folder: string) => ({
  /** The server's own folder, or a link to it where it can't be here. */
  data: join(folder, 'data'),
  password: join(folder, 'password'),
  port: join(folder, 'port'),
  /** The process that started the server and will stop it. */
  owner: join(folder, 'owner'),
  log: join(folder, 'server.log'),
});

function readText(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

/** The password of the folder's server, made at first use; readable by its owner only. */
export function password(folder: string): string {
  const { password: path } = paths(folder);
  const kept = readText(path);
  if (kept !== null && kept !== '') return kept;
  const made = randomBytes(24).toString('base64url');
  writeFileSync(path, `${made}\n`, { mode: 0o600 });
  return made;
}

export function rememberedPort(folder: string): number | null {
  const port = Number(readText(paths(folder).port));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
}

export function rememberPort(folder: string, port: number): void {
  writeFileSync(paths(folder).port, `${port}\n`);
}

/** The live process that runs this folder's server, or null. */
export function ownerOf(folder: string): number | null {
  const [pidText, start] = (readText(paths(folder).owner) ?? '').split('\n');
  const pid = Number(pidText);
  return Number.isInteger(pid) && pid > 0 && start !== undefined && startOf(pid) === start ? pid : null;
}

/**
 * Makes this process the owner. Refuses when another, or this one, runs a server here. Two that take over from a dead
 * owner in the same instant are told apart by the server itself, which takes its data folder only once.
 */
export function claim(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const owner = ownerOf(folder);
  if (owner !== null) {
    throw new EmbeddedPostgresError(
      'TIDEMARK_POSTGRES_IN_USE',
      `The database in ${folder} is already run by process ${owner}. Stop that one first, or use another folder.`,
    );
  }
  writeFileSync(paths(folder).owner, `${process.pid}\n${startOf(process.pid) ?? ''}\n`);
}

export function unclaim(folder: string): void {
  rmSync(paths(folder).owner, { force: true });
}

/** The last lines of the server's log: what a person needs to see when it does not start. */
export function logTail(folder: string, lines = 15): string {
  return (readText(paths(folder).log) ?? '').split('\n').slice(-lines).join('\n');
}
