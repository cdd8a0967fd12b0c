import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const PREFIX = 'import-';
/** Older than any import that still runs. */
const ABANDONED_MS = 24 * 3_600_000;

/** A folder for one import's files in the making. What imports that were killed left behind a day ago is removed. */
export async function makeWorkingFolder(scratchFolder: string, nowMs: number): Promise<string> {
  for (const name of await readdir(scratchFolder)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(scratchFolder, name);
    // Another import may be removing it too.
    const age = await stat(path).then(
      ({ mtimeMs }) => nowMs - mtimeMs,
      () => 0,
    );
    if (age > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
  const folder = join(scratchFolder, `${PREFIX}${randomUUID()}`);
  await mkdir(folder);
  return folder;
}
