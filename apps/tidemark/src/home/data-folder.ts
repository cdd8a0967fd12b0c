import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CliError, fileSystemError } from '../error.ts';
import { isLockFile, lockFolder } from './lock.ts';
import { readSmallFile, writeSmallFile } from './small-file.ts';

/** Version of how a data folder is laid out. A folder of another one is refused. */
const DATA_VERSION = 2;

const identitySchema = z.object({
  version: z.int(),
  /** `demo`: made and fed by the simulator. `own`: a user's data. */
  kind: z.enum(['demo', 'own']),
  currency: z.string(),
  /** Servers that the system brings along; what has none is in the folder's own PostgreSQL, or at a URL. */
  on: z.array(z.enum(['kafka', 'cassandra'])).default([]),
  created: z.iso.datetime(),
});

/** What a data folder says about itself. Decided at its first start and kept. */
export type FolderIdentity = z.output<typeof identitySchema>;

/** A server that a system can bring along. */
export type ServerName = FolderIdentity['on'][number];

export type DataFolder = {
  readonly path: string;
  readonly identity: FolderIdentity;
  /** True when this start made it. */
  readonly isNew: boolean;
  /** Gives the folder back. */
  release(): void;
};

/** Where things are in a data folder. */
export const folderPaths = (folder: string) => ({
  identity: join(folder, 'tidemark.json'),
  running: join(folder, 'running.json'),
  postgres: join(folder, 'postgres'),
  kafka: join(folder, 'kafka'),
  cassandra: join(folder, 'cassandra'),
  lake: join(folder, 'lake'),
  logs: join(folder, 'logs'),
  demo: join(folder, 'demo'),
});

/** What a folder was made as; null for one that is not there yet or can't be read: `openDataFolder` says why. */
export function storedIdentity(folder: string): FolderIdentity | null {
  try {
    const text = readSmallFile(folderPaths(folder).identity);
    return text === null ? null : identitySchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export type WantedFolder = Pick<FolderIdentity, 'kind' | 'currency'> & {
  readonly on?: readonly ServerName[];
  readonly nowMs: number;
};

/**
 * Takes the data folder for this process, making it at first. Throws a CliError when another process has it, when it is
 * of another version, currency or kind, or on other servers, when it holds something else, or can't be written.
 */
export function openDataFolder(path: string, wanted: WantedFolder): DataFolder {
  try {
    makeFolder(path);
    const known = readIdentity(path);
    if (known === null) refuseForeign(path);
    const release = lockFolder(path);
    try {
      const identity = known ?? makeIdentity(path, wanted);
      check(path, identity, wanted);
      return { path, identity, isNew: known === null, release };
    } catch (error) {
      release();
      throw error;
    }
  } catch (error) {
    throw fileSystemError(error, path) ?? error;
  }
}

/** Makes the folder and those above it. Node's own recursive way never ends where a folder can't have others (/proc). */
function makeFolder(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    const isOdd = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (!isOdd) throw cause;
    throw new CliError('TIDEMARK_HOME_ACCESS', `No folder can be made at ${path}. Use another with --home.`, { cause });
  }
}

function readIdentity(folder: string): FolderIdentity | null {
  const { identity: file } = folderPaths(folder);
  const text = readSmallFile(file);
  if (text === null) return null;
  try {
    return identitySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CliError(
      'TIDEMARK_HOME_VERSION',
      `${file} can't be read as this version writes it. Use the Tidemark that made the folder, or another folder with --home.`,
      { cause },
    );
  }
}

function makeIdentity(folder: string, { kind, currency, on = [], nowMs }: WantedFolder): FolderIdentity {
  const identity = { version: DATA_VERSION, kind, currency, on: [...on], created: new Date(nowMs).toISOString() };
  writeSmallFile(folderPaths(folder).identity, `${JSON.stringify(identity, null, 1)}\n`);
  return identity;
}

/** A folder without an identity may only hold what a start that was killed early left. */
function refuseForeign(folder: string): void {
  const other = readdirSync(folder).find((name) => !isLockFile(name) && name !== 'tidemark.json.new');
  if (other === undefined) return;
  throw new CliError(
    'TIDEMARK_HOME_FOREIGN',
    `${folder} is no data folder of Tidemark: it holds ${other}. Use an empty or a new folder with --home.`,
  );
}

function check(folder: string, identity: FolderIdentity, wanted: WantedFolder): void {
  if (identity.version !== DATA_VERSION) {
    throw new CliError(
      'TIDEMARK_HOME_VERSION',
      `${folder} is of data version ${identity.version}, this Tidemark writes version ${DATA_VERSION}. Use the Tidemark that made it, or another folder with --home.`,
    );
  }
  if (identity.kind !== wanted.kind) {
    const message =
      identity.kind === 'demo'
        ? `${folder} holds the data of the demo. Start it with --demo, or use another folder with --home.`
        : `${folder} holds data that is not the demo's, and the demo would mix its own into it. Start without --demo, or use another folder with --home.`;
    throw new CliError('TIDEMARK_HOME_KIND', message);
  }
  if (identity.currency !== wanted.currency) {
    throw new CliError(
      'TIDEMARK_HOME_CURRENCY',
      `The money in ${folder} is in ${identity.currency}, not in ${wanted.currency}, and amounts are never converted. Start with --currency ${identity.currency} (or without the flag), or use another folder with --home.`,
    );
  }
  const [made, asked] = [identity.on, wanted.on ?? []].map((names) => [...names].sort().join(','));
  if (made !== asked) {
    throw new CliError(
      'TIDEMARK_HOME_SERVERS',
      `The data of ${folder} is ${made === '' ? 'in its own PostgreSQL' : `on ${made}`}, and what is in one store is not in another. Start ${made === '' ? 'without --on' : `with --on ${made}, or without the flag`}, or use another folder with --home.`,
    );
  }
}
