import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { findBinaries } from './binaries.ts';
import { createDatabase, databaseUrl } from './database.ts';
import { EmbeddedPostgresError } from './error.ts';
import { claim, logTail, password, paths, rememberedPort, rememberPort, unclaim } from './folder.ts';
import { adoptData, chooseLaunch, type Launch } from './launch.ts';
import { readPostmaster } from './postmaster.ts';
import { endServer, isServerOf, processesIn, waitUntil } from './process.ts';
import { watch } from './watchdog.ts';

export type EmbeddedPostgres = {
  /** URL of a database of this server, with the password. */
  url(database: string): string;
  readonly port: number;
  readonly pid: number;
  /** How it is run, when that is worth telling: as another user, say. */
  readonly notice: string | null;
  /** Makes the database if absent and answers its URL. */
  createDatabase(name: string): Promise<string>;
  /** Resolves when the server has ended, by `stop` or by itself. */
  readonly ended: Promise<void>;
  /** Ends the server and what it left running; open connections are cut. Takes about a second. */
  stop(): Promise<void>;
};

export type EmbeddedOptions = {
  /** Everything of the server is in here: data, password, port, log. Made if absent. */
  readonly folder: string;
  /** For tests: no fsync, and the folder is removed when the server ends. */
  readonly temporary?: boolean;
  /** How long a start may take, the recovery after a crash included. Default 120 s. */
  readonly startTimeoutMs?: number;
  /** The way the server is run, where the choice must not be left to `chooseLaunch`. */
  readonly launch?: Launch;
};

const USER = 'tidemark';
const MAX_LOG_BYTES = 16 * 1024 * 1024;

/** For a small machine that keeps what it acknowledges. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '256MB',
  // In containers /dev/shm is often 64 MB, which a parallel query outgrows.
  dynamic_shared_memory_type: 'mmap',
  max_wal_size: '2GB',
  // For change capture; a forgotten slot must not fill the disk.
  wal_level: 'logical',
  max_slot_wal_keep_size: '2GB',
  password_encryption: 'scram-sha-256',
  synchronous_commit: 'on',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const TEMPORARY_SETTINGS: Readonly<Record<string, string>> = { fsync: 'off', full_page_writes: 'off' };

/**
 * Starts the PostgreSQL of the npm packages on a folder, on 127.0.0.1 and a port of its own that it keeps if it can. It
 * is a child of this process and ends with it, even when this process is killed. A server that an earlier, dead process
 * left running here is ended first.
 *
 * Throws `TIDEMARK_POSTGRES_IN_USE` when a live process runs one here, `TIDEMARK_POSTGRES_START_FAILED` with the log's
 * last lines when it does not come up (a full disk, say), `TIDEMARK_POSTGRES_FOLDER` for data of another version.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const folder = resolve(options.folder);
  claim(folder);
  try {
    const launch = options.launch ?? chooseLaunch(findBinaries(), folder);
    const { data } = paths(folder);
    await reapOrphan(data);
    adoptData(launch, folder);
    if (!existsSync(join(data, 'PG_VERSION'))) initialise(launch, folder);
    checkVersion(launch, folder);
    return await startOnFreePort(launch, folder, options);
  } catch (error) {
    unclaim(folder);
    throw error;
  }
}

/** Ends the server of a dead owner, and clears away a pid file that names no process of this folder. */
async function reapOrphan(data: string): Promise<void> {
  const found = readPostmaster(data);
  if (found === null) return;
  if (isServerOf(found.pid, data)) await endServer(found.pid, () => !isServerOf(found.pid, data));
  // Where the system can't say who works in the folder, the server's own checks have to do.
  if (processesIn(data) === null) return;
  if (!(await waitUntil(() => processesIn(data)?.length === 0, 10_000))) {
    throw new EmbeddedPostgresError(
      'TIDEMARK_POSTGRES_IN_USE',
      `Processes ${processesIn(data)?.join(', ')} of an earlier server still work in ${data}. End them, then start again.`,
    );
  }
  // The server takes any live process of that number, even a zombie, for its predecessor, and would not start.
  rmSync(join(data, 'postmaster.pid'), { force: true });
}

function initialise(launch: Launch, folder: string): void {
  for (const name of readdirSync(folder)) {
    // Left by a start that was killed.
    if (name.startsWith('data.new-')) rmSync(join(folder, name), { recursive: true });
  }
  const secret = password(folder);
  const made = launch.makeDataFolder(folder);
  const secretFile = `${made}.password`;
  writeFileSync(secretFile, secret, { mode: 0o600 });
  if (launch.owner !== null) chownSync(secretFile, launch.owner.uid, launch.owner.gid);
  const args = [
    `--pgdata=${made}`,
    `--username=${USER}`,
    `--pwfile=${secretFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Text is ordered by its bytes, on every machine alike.
    '--locale=C',
    '--data-checksums',
    '--no-sync',
    '--no-instructions',
  ];
  const command = launch.command('initdb', args);
  const done = spawnSync(command.file, command.args, {
    encoding: 'utf8',
    cwd: made,
    env: environment(),
    ...launch.owner,
  });
  rmSync(secretFile, { force: true });
  if (done.status !== 0) {
    rmSync(made, { recursive: true, force: true });
    throw new EmbeddedPostgresError(
      'TIDEMARK_POSTGRES_START_FAILED',
      `The database in ${folder} could not be made. Is the disk full, or the folder not ours?\n${done.stderr?.trim() ?? ''}`,
      { cause: done.error },
    );
  }
  launch.place(made, folder);
}

/** The server takes its settings from us alone, not from variables of the caller's own PostgreSQL. */
function environment(): NodeJS.ProcessEnv {
  const { PATH } = process.env;
  return { ...(PATH === undefined ? {} : { PATH }), LC_ALL: 'C', TZ: 'UTC' };
}

function checkVersion(launch: Launch, folder: string): void {
  const ofData = readFileSync(join(paths(folder).data, 'PG_VERSION'), 'utf8').trim();
  const { file, args } = launch.command('postgres', ['--version']);
  const asked = spawnSync(file, args, { encoding: 'utf8', ...launch.owner });
  const ofServer = /\d+/.exec(asked.stdout ?? '')?.[0];
  if (ofServer !== undefined && ofServer !== ofData) {
    throw new EmbeddedPostgresError(
      'TIDEMARK_POSTGRES_FOLDER',
      `The database in ${folder} is of PostgreSQL ${ofData}, and this is ${ofServer}. Start it with the Tidemark that made it, or use an empty folder.`,
    );
  }
}

async function startOnFreePort(launch: Launch, folder: string, options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const remembered = rememberedPort(folder);
  for (let attempt = 1; ; attempt += 1) {
    const wanted = attempt === 1 && remembered !== null && (await isFree(remembered)) ? remembered : await freePort();
    const failure = await start(launch, folder, wanted, options);
    if (typeof failure !== 'string') return failure;
    // Between the look for a free port and the server's bind another program may have taken it.
    const mayRetry = attempt < 4 && /Address already in use/.test(failure);
    if (!mayRetry) throw startFailed(folder, failure);
  }
}

function startFailed(folder: string, tail: string): EmbeddedPostgresError {
  if (/lock file "postmaster.pid" already exists/.test(tail)) {
    return new EmbeddedPostgresError(
      'TIDEMARK_POSTGRES_IN_USE',
      `Another server runs on the database in ${folder}. Stop it first, or use another folder.\n${tail}`,
    );
  }
  return new EmbeddedPostgresError(
    'TIDEMARK_POSTGRES_START_FAILED',
    `PostgreSQL did not start in ${folder}. Is the disk full? The end of ${paths(folder).log}:\n${tail}`,
  );
}

/** One try. Answers the running server, or the log's tail of one that ended or took too long. */
async function start(
  launch: Launch,
  folder: string,
  port: number,
  options: EmbeddedOptions,
): Promise<EmbeddedPostgres | string> {
  const data = realpathSync(paths(folder).data);
  const settings = { ...SETTINGS, ...(options.temporary ? TEMPORARY_SETTINGS : {}), port: String(port) };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { file, args } = launch.command('postgres', ['-D', data, ...flags]);
  const log = openLog(folder);
  const child = spawn(file, args, {
    stdio: ['ignore', log, log],
    // Its own session: at a Ctrl-C it is stopped by us, after those who write to it.
    detached: true,
    cwd: data,
    env: environment(),
    ...launch.owner,
  });
  closeSync(log);
  const ended = new Promise<void>((done) => {
    child.once('exit', () => done());
    child.once('error', () => done());
  });
  const toRemove = options.temporary ? [data, folder] : [];
  // From the first moment: we may be killed before it is ready.
  const unwatch = child.pid === undefined ? () => {} : watch(child.pid, toRemove);
  void ended.then(unwatch);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  const isReady = () => {
    const found = readPostmaster(data);
    return found !== null && found.pid === child.pid && found.ready;
  };
  await waitUntil(() => hasEnded() || isReady(), options.startTimeoutMs ?? 120_000);
  if (child.pid === undefined || hasEnded() || !isReady()) {
    if (child.pid !== undefined) await endServer(child.pid, hasEnded);
    await ended;
    return logTail(folder);
  }
  rememberPort(folder, port);
  void ended.then(() => unclaim(folder));
  // A program that forgets to stop it still ends; the watchdog does the rest.
  child.unref();
  return running(child, child.pid, folder, port, { ended, hasEnded, toRemove, notice: launch.notice });
}

function urlOf(folder: string, port: number): (database: string) => string {
  const server = `postgres://${USER}:${password(folder)}@127.0.0.1:${port}`;
  return (database) => databaseUrl(server, database);
}

function running(
  child: ChildProcess,
  pid: number,
  folder: string,
  port: number,
  life: { ended: Promise<void>; hasEnded: () => boolean; toRemove: readonly string[]; notice: string | null },
): EmbeddedPostgres {
  const url = urlOf(folder, port);
  return {
    url,
    port,
    pid,
    notice: life.notice,
    ended: life.ended,
    createDatabase: (name) => createDatabase(url('postgres'), name),
    stop: async () => {
      child.ref();
      await endServer(pid, life.hasEnded);
      await life.ended;
      for (const each of life.toRemove) rmSync(each, { recursive: true, force: true });
    },
  };
}

/** The log is appended to over starts; one that has grown large begins anew. */
function openLog(folder: string): number {
  const { log } = paths(folder);
  if (existsSync(log) && statSync(log).size > MAX_LOG_BYTES) truncateSync(log);
  return openSync(log, 'a', 0o600);
}

function listenOnce(port: number): Promise<number | null> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(null));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}

const isFree = async (port: number): Promise<boolean> => (await listenOnce(port)) !== null;

async function freePort(): Promise<number> {
  const port = await listenOnce(0);
  if (port === null) throw new EmbeddedPostgresError('TIDEMARK_POSTGRES_START_FAILED', 'No free port on 127.0.0.1.');
  return port;
}

/**
 * The server that runs on a folder now, for a process that did not start it: its URL and pid; null when none runs.
 */
export function findEmbeddedPostgres(folder: string): { url(database: string): string; pid: number } | null {
  const { data } = paths(resolve(folder));
  const found = readPostmaster(data);
  if (found === null || !found.ready || found.port === null || !isServerOf(found.pid, data)) return null;
  return { pid: found.pid, url: urlOf(resolve(folder), found.port) };
}
