import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { LakeError } from '../error.ts';
import { tellingFullDisk } from '../full-disk.ts';
import type { LakeStorage } from '../port.ts';

/**
 * The lake as a local folder. Every write is: temporary name, fsync, rename or link, fsync of the folder; so a file is
 * there whole or not at all, also after a power loss.
 */
export async function openLocalStorage(folder: string): Promise<LakeStorage> {
  const root = resolve(folder);
  const scratchFolder = join(root, 'scratch');
  await mkdir(scratchFolder, { recursive: true });
  const at = (path: string) => join(root, ...path.split('/'));

  return {
    scratchFolder,
    locate: at,
    async put(path, localFile) {
      await syncPath(localFile);
      await makeFolder(dirname(at(path)), root);
      await rename(localFile, at(path));
      await syncPath(dirname(at(path)));
    },
    async putIfAbsent(path, content) {
      const temporary = join(scratchFolder, randomUUID());
      const file = await open(temporary, 'wx');
      try {
        await tellingFullDisk(() => file.writeFile(content));
        await file.sync();
      } catch (error) {
        await unlink(temporary);
        throw error;
      } finally {
        await file.close();
      }
      try {
        await tellingFullDisk(() => makeFolder(dirname(at(path)), root));
        // link, unlike rename, refuses a name that is taken: of two writers exactly one wins.
        await link(temporary, at(path));
      } catch (error) {
        if (hasCode(error, 'EEXIST')) return false;
        throw error;
      } finally {
        await unlink(temporary);
      }
      await syncPath(dirname(at(path)));
      return true;
    },
    async read(path) {
      try {
        return await readFile(at(path));
      } catch (error) {
        throw missing(path, error);
      }
    },
    async *chunks(path) {
      try {
        yield* createReadStream(at(path), { highWaterMark: 1 << 20 });
      } catch (error) {
        throw missing(path, error);
      }
    },
    async list(prefix) {
      const found: string[] = [];
      try {
        for (const entry of await readdir(at(prefix), { recursive: true, withFileTypes: true })) {
          if (entry.isFile()) found.push(relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
        }
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
      }
      return found.sort();
    },
    async remove(path) {
      await rm(at(path), { force: true });
    },
  };
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder and its parents durable, up to the root that was there before. */
async function makeFolder(folder: string, root: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let path = folder; path.length >= root.length; path = dirname(path)) await syncPath(path);
}

function missing(path: string, cause: unknown): unknown {
  if (!hasCode(cause, 'ENOENT')) return cause;
  return new LakeError('TIDEMARK_LAKE_MISSING', `The lake has no file ${path}, though its manifest names it.`, {
    cause,
  });
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
