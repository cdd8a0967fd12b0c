import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { LakeStorage } from './port.ts';

const TOUCHED_EVERY_MS = 3_600_000;
/** Nobody works on what was not touched for so long. */
const ABANDONED_MS = 24 * TOUCHED_EVERY_MS;

export type WorkingFolder = { readonly path: string; remove(): Promise<void> };

/**
 * A folder of a process's own beside the lake, for files in the making and for what engines spill. What processes that were killed
 * left behind a day ago is removed, files too; a folder that is worked in is touched every hour.
 */
export async function openWorkingFolder({ scratchFolder }: LakeStorage, name: string): Promise<WorkingFolder> {
  await removeAbandoned(scratchFolder);
  const path = join(scratchFolder, `${name}-${randomUUID()}`);
  await mkdir(path);
  const touch = () => {
    const now = new Date();
    // A folder that somebody removed is missed by what is written to it next.
    utimes(path, now, now).catch(() => {});
  };
  const timer = setInterval(touch, TOUCHED_EVERY_MS).unref();
  return {
    path,
    async remove() {
      clearInterval(timer);
      await rm(path, { recursive: true, force: true });
    },
  };
}

async function removeAbandoned(scratchFolder: string): Promise<void> {
  for (const name of await readdir(scratchFolder)) {
    const path = join(scratchFolder, name);
    // Another process may be removing it too.
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}
