import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BLOCK_BYTES = 1 << 16;

/** A disk of a few megabytes that a test can fill, in memory. */
export class SmallDisk {
  readonly path: string;
  readonly #ballast: string;

  private constructor(path: string) {
    this.path = path;
    this.#ballast = join(path, 'ballast');
  }

  /** Null where this process may not mount; said loudly, and in CI a failure. */
  static mount(megabytes: number): SmallDisk | null {
    const path = mkdtempSync(join(tmpdir(), 'tidemark-disk-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tidemark', path], {
      encoding: 'utf8',
    });
    if (mounted.status === 0) return new SmallDisk(path);
    rmdirSync(path);
    const why = `SKIPPED: a full disk can't be tried, for mounting is not permitted: ${mounted.stderr ?? mounted.error}`;
    if (process.env.CI) throw new Error(why);
    process.stderr.write(`${why}\n`);
    return null;
  }

  /** Leaves not one byte. */
  fill(): void {
    const file = openSync(this.#ballast, 'a');
    try {
      for (let bytes = BLOCK_BYTES; bytes >= 1; ) {
        try {
          writeSync(file, Buffer.alloc(bytes));
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
          bytes >>= 1;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  makeRoom(): void {
    rmSync(this.#ballast, { force: true });
  }

  unmount(): void {
    const { status, stderr } = spawnSync('umount', [this.path], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the small disk is still in use: ${stderr}`);
    rmdirSync(this.path);
  }
}
