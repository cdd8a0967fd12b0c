import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { identify } from './process-identity.ts';

const defaultCache = (): string => join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tidemark');

/**
 * A folder that is kept between runs, filled by `fill` when it is not there. It appears whole or not at all, so several
 * may do this at once: the name must say all that decides what is in it.
 */
export async function cachedFolder(
  name: string,
  fill: (folder: string) => Promise<void>,
  cache: string = defaultCache(),
): Promise<string> {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  removeAbandoned(cache);
  const making = mkdtempSync(join(cache, `new-${process.pid}-${startName(process.pid)}-`));
  try {
    await fill(making);
    renameSync(making, folder);
  } catch (error) {
    // Another process may have been faster.
    if (existsSync(folder)) return folder;
    throw error;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}

const startName = (pid: number): string => (identify(pid)?.start ?? '').replaceAll(/\W+/g, '_');

/** What killed processes left half filled. */
function removeAbandoned(cache: string): void {
  for (const name of readdirSync(cache)) {
    const [, pid, start] = /^new-(\d+)-(\w+)-/.exec(name) ?? [];
    if (pid === undefined || startName(Number(pid)) === start) continue;
    rmSync(join(cache, name), { recursive: true, force: true });
  }
}
