import { fileURLToPath } from 'node:url';
import { LakeError } from './error.ts';
import { openLocalStorage } from './local/index.ts';
import type { LakeStorage } from './port.ts';

/** The storage a lake URL names: `file:///folder`, or a folder's path. */
export async function openStorage(url: string): Promise<LakeStorage> {
  if (!url.includes('://')) return openLocalStorage(url);
  if (url.startsWith('file://')) return openLocalStorage(fileURLToPath(url));
  throw new LakeError(
    'TIDEMARK_LAKE_STORAGE',
    `There is no lake storage for ${url.split(':')[0]}: URLs. Use file:///folder or a path.`,
  );
}
