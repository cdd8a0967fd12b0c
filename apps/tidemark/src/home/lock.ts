import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { processStart } from '@tidemark/embedded-postgres';
import { CliError } from '../error.ts';

const LOCK = /^lock-(\d+)-(\w+)$/;

/** Names a process for good: pids are used again, so the time it was started belongs to it. */
export const isProcess = (pid: number, start: string): boolean => startName(pid) === start;

/** When the process was started, as a part of a file name; null when there is no such process. */
export const startName = (pid: number): string | null => processStart(pid)?.replaceAll(/\W+/g, '_') ?? null;

/** Whether this file of a data folder belongs to its lock. */
export const isLockFile = (name: string): boolean => LOCK.test(name);

/**
 * Makes this process the only one on the folder; answers how to give it back. What a killed process left is taken over.
 * The holder stands in the file's name, so no file is ever half written. Throws `TIDEMARK_HOME_IN_USE`; of two that
 * start in the same instant both may be refused, but never both let in.
 */
export function lockFolder(folder: string): () => void {
  const own = `lock-${process.pid}-${startName(process.pid)}`;
  closeSync(openSync(join(folder, own), 'w', 0o600));
  const release = () => rmSync(join(folder, own), { force: true });
  for (const name of readdirSync(folder)) {
    const [, pid, start] = LOCK.exec(name) ?? [];
    if (pid === undefined || start === undefined || name === own) continue;
    if (isProcess(Number(pid), start)) {
      release();
      throw new CliError(
        'TIDEMARK_HOME_IN_USE',
        `Tidemark already runs in ${folder} (process ${pid}). Stop that one first, or use another folder with --home and another --port.`,
      );
    }
    rmSync(join(folder, name), { force: true });
  }
  return release;
}
