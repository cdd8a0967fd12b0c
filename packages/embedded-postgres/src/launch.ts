import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Binaries, binary } from './binaries.ts';
import { EmbeddedPostgresError } from './error.ts';
import { paths } from './folder.ts';

export type Command = { readonly file: string; readonly args: readonly string[] };

/** A way to run the server's programs as somebody who is not root, which they refuse. */
export type Launch = {
  readonly name: 'direct' | 'namespace' | 'system-user';
  /** What the person should know about this way, if anything. */
  readonly notice: string | null;
  /** The ids that the programs run under and that must own what they read; null: our own. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  /** How to run a program of PostgreSQL this way. */
  command(program: 'initdb' | 'postgres', args: readonly string[]): Command;
  /** Makes a place for the data folder, empty, and answers it. The caller renames it to, or links it from, `data`. */
  makeDataFolder(folder: string): string;
  /** Puts a finished data folder in its place, where another start may have been faster. */
  place(made: string, folder: string): void;
};

function placeHere(made: string, folder: string): void {
  const { data } = paths(folder);
  if (existsSync(data)) {
    rmSync(made, { recursive: true });
    return;
  }
  renameSync(made, data);
}

const makeHere = (folder: string): string => mkdtempSync(join(folder, 'data.new-'));

/** As an ordinary user: nothing to do. */
export const directLaunch = (binaries: Binaries): Launch => ({
  name: 'direct',
  notice: null,
  owner: null,
  command: (program, args) => ({ file: binary(binaries, program), args }),
  makeDataFolder: makeHere,
  place: placeHere,
});

/**
 * A user that is not root and has a name, which the programs ask for. Which one does not matter: inside the namespace
 * it stands for ourselves.
 */
function namedUser(): number {
  const ids = existsSync('/etc/passwd')
    ? readFileSync('/etc/passwd', 'utf8')
        .split('\n')
        .map((line) => Number(line.split(':')[2]))
    : [];
  return ids.find((id) => id > 0) ?? 1000;
}

const inNamespace = (user: number, file: string, args: readonly string[]): Command => ({
  file: 'unshare',
  args: ['--user', `--map-user=${user}`, `--map-group=${user}`, '--', file, ...args],
});

/**
 * As root, or as a user without a name (`docker run --user 1234`), where the kernel lets us: in a user namespace we look
 * like another user to the server, while the files stay ours, so it works in folders that only root can enter. `unshare`
 * becomes the program: the pid stays ours to watch.
 */
export function namespaceLaunch(binaries: Binaries): Launch {
  const user = namedUser();
  return {
    ...directLaunch(binaries),
    name: 'namespace',
    command: (program, args) => inNamespace(user, binary(binaries, program), args),
  };
}

export function namespacesAllowed(): boolean {
  const { file, args } = inNamespace(namedUser(), 'true', []);
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0;
}

function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}

const SYSTEM_USER = 'postgres';

function systemUserIds(): { uid: number; gid: number } {
  const ask = (flag: string) => Number(execFileSync('id', [flag, SYSTEM_USER], { encoding: 'utf8', stdio: 'pipe' }));
  try {
    return { uid: ask('-u'), gid: ask('-g') };
  } catch {
    // Not there yet.
  }
  try {
    execFileSync('useradd', ['--system', '--no-create-home', '--user-group', SYSTEM_USER], { stdio: 'pipe' });
    return { uid: ask('-u'), gid: ask('-g') };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'TIDEMARK_POSTGRES_ROOT',
      `PostgreSQL refuses to run as root, user namespaces are not allowed here, and the user ${SYSTEM_USER} could not be made. Run as an ordinary user, or give the URL of a server.`,
      { cause },
    );
  }
}

/**
 * As root without user namespaces: as the user `postgres`, who may be unable to walk to our folders, so the programs are
 * copied and the data kept below `home`; the folder gets a link to it.
 */
export function systemUserLaunch(original: Binaries, home = '/var/lib/tidemark-postgres'): Launch {
  const owner = systemUserIds();
  mkdirSync(home, { recursive: true, mode: 0o755 });
  const binaries = { ...original, folder: copyOfBinaries(original, home) };
  return {
    name: 'system-user',
    notice: `User namespaces are not allowed here, so PostgreSQL runs as the user "${SYSTEM_USER}" with its data below ${home}.`,
    owner,
    command: (program, args) => ({ file: binary(binaries, program), args }),
    makeDataFolder: () => {
      const made = mkdtempSync(join(home, 'data-'));
      chownSync(made, owner.uid, owner.gid);
      return made;
    },
    place: (made, folder) => {
      const { data } = paths(folder);
      if (existsSync(data)) rmSync(made, { recursive: true });
      else symlinkSync(made, data);
    },
  };
}

/** One copy for each version of the programs. */
function copyOfBinaries(original: Binaries, home: string): string {
  const real = realpathSync(original.folder);
  const copy = join(home, `programs-${original.version}`);
  if (existsSync(copy)) return copy;
  const making = mkdtempSync(join(home, 'programs.new-'));
  cpSync(real, making, { recursive: true, verbatimSymlinks: true });
  chmodSync(making, 0o755);
  try {
    renameSync(making, copy);
  } catch (error) {
    // Another start made the copy meanwhile.
    rmSync(making, { recursive: true });
    if (!existsSync(copy)) throw error;
  }
  return copy;
}

/** Moves data that root's namespace made to where the system user can have it, when namespaces are gone later. */
export function adoptData(launch: Launch, folder: string): void {
  const { data } = paths(folder);
  if (launch.owner === null || !existsSync(data) || lstatSync(data).isSymbolicLink()) return;
  const made = launch.makeDataFolder(folder);
  cpSync(data, made, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  execFileSync('chown', ['-R', `${launch.owner.uid}:${launch.owner.gid}`, made]);
  chmodSync(made, 0o700);
  renameSync(data, `${data}.before-move`);
  launch.place(made, folder);
  rmSync(`${data}.before-move`, { recursive: true });
}

/** The way for this caller and this folder: one that was linked to the system user's place stays there. */
export function chooseLaunch(binaries: Binaries, folder: string): Launch {
  if (process.getuid?.() !== 0) {
    return hasName() || !namespacesAllowed() ? directLaunch(binaries) : namespaceLaunch(binaries);
  }
  const { data } = paths(folder);
  const isLinked = existsSync(data) && lstatSync(data).isSymbolicLink();
  return !isLinked && namespacesAllowed() ? namespaceLaunch(binaries) : systemUserLaunch(binaries);
}
