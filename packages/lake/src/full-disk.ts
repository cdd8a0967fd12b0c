import { LakeError } from './error.ts';

/** `ENOSPC` and `EDQUOT`, as Node's errors have them as a code, and as DuckDB says them. */
const FULL = /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/;

/** Passes errors on; one of a full disk as `TIDEMARK_LAKE_FULL`: nothing of the file is there, and the run may be made again. */
export async function tellingFullDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error && FULL.test(cause.message))) throw cause;
    throw new LakeError('TIDEMARK_LAKE_FULL', 'The disk under the lake is full: nothing of this file was kept.', {
      cause,
      retryable: true,
    });
  }
}
