import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findBinaries } from './binaries.ts';
import { paths } from './folder.ts';
import { systemUserLaunch } from './launch.ts';
import { isServerOf, signal, startOf, waitUntil } from './process.ts';
import { type EmbeddedOptions, type EmbeddedPostgres, findEmbeddedPostgres, startEmbeddedPostgres } from './server.ts';

let folder = '';
let running: EmbeddedPostgres[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-embedded-'));
});

afterEach(async () => {
  for (const server of running) await server.stop();
  running = [];
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ folder, ...options });
  running.push(server);
  return server;
}

async function ask(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Another process that runs the server of `folder`; answers its pid and the server's. */
async function startElsewhere(...args: string[]): Promise<{ pid: number; serverPid: number }> {
  const program = fileURLToPath(new URL('./testing/run-server.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=tidemark-source', '--import', 'tsx', program, folder, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  return { pid: child.pid ?? -1, serverPid: Number(String(line)) };
}

/** The shells that wait for the end of our programs: found by the server they watch. */
function watchdogOf(serverPid: number): number {
  const found = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      return command.includes('tidemark-postgres-watchdog') && command.includes(String(serverPid));
    } catch {
      return false;
    }
  });
  return Number(found);
}

describe('a server of its own', () => {
  test('keeps its secret, listens on loopback alone, and trusts nobody', async () => {
    const server = await start();
    const url = await server.createDatabase('tidemark');
    await server.createDatabase('tidemark');
    expect(statSync(paths(folder).password).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(paths(folder).data, 'pg_hba.conf'), 'utf8')).not.toMatch(
      /^[^#].*\b(trust|md5|password)\b/m,
    );
    const [settings] = await ask(
      url,
      `SELECT current_setting('listen_addresses') AS address, current_setting('unix_socket_directories') AS sockets,
        current_setting('data_checksums') AS checksums, current_setting('wal_level') AS wal,
        current_setting('server_encoding') AS encoding, 'B' < 'a' AND 'z' < 'ä' AS by_bytes, current_setting('fsync') AS fsync`,
    );
    expect(settings).toEqual({
      address: '127.0.0.1',
      sockets: '',
      checksums: 'on',
      wal: 'logical',
      encoding: 'UTF8',
      by_bytes: true,
      fsync: 'on',
    });
    const guessed = new URL(url);
    guessed.password = 'guess';
    await expect(ask(guessed.toString(), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('stops without waiting for its clients, and starts again with its data and its port', async () => {
    const first = await start();
    const url = await first.createDatabase('tidemark');
    const pool = new pg.Pool({ connectionString: url });
    pool.on('error', () => {});
    await pool.query('CREATE TABLE kept AS SELECT 1 AS id');
    await first.stop();
    await pool.end();
    expect(startOf(first.pid)).toBeNull();
    expect(findEmbeddedPostgres(folder)).toBeNull();
    const second = await start();
    expect(second.port).toBe(first.port);
    expect(await ask(second.url('tidemark'), 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
    expect(findEmbeddedPostgres(folder)?.url('tidemark')).toBe(second.url('tidemark'));
  });

  test('is not started twice on one folder', async () => {
    await start();
    await expect(startEmbeddedPostgres({ folder })).rejects.toMatchObject({ code: 'TIDEMARK_POSTGRES_IN_USE' });
  });

  test('a temporary one leaves nothing', async () => {
    const server = await start({ temporary: true });
    await server.stop();
    expect(existsSync(folder)).toBe(false);
  });

  test('one that does not come up says why, with the end of its log', async () => {
    const server = await start();
    await server.stop();
    appendFileSync(join(paths(folder).data, 'postgresql.conf'), "\nno_such_setting = 'x'\n");
    await expect(start()).rejects.toMatchObject({
      code: 'TIDEMARK_POSTGRES_START_FAILED',
      message: expect.stringContaining('no_such_setting'),
    });
  });

  test('data of another version is refused before the server sees it', async () => {
    const server = await start();
    await server.stop();
    writeFileSync(join(paths(folder).data, 'PG_VERSION'), '12\n');
    await expect(start()).rejects.toMatchObject({ code: 'TIDEMARK_POSTGRES_FOLDER' });
  });
});

describe('when the one who started it is killed', () => {
  test('the server ends by itself', async () => {
    const { pid, serverPid } = await startElsewhere();
    expect(isServerOf(serverPid, paths(folder).data)).toBe(true);
    signal(pid, 'SIGKILL');
    expect(await waitUntil(() => startOf(serverPid) === null, 5_000)).toBe(true);
  });

  test('a temporary one is removed as well', async () => {
    const { pid } = await startElsewhere('temporary');
    signal(pid, 'SIGKILL');
    expect(await waitUntil(() => !existsSync(folder), 10_000)).toBe(true);
  });

  test('one left running is ended by the next start, which has all that was committed', async () => {
    const { pid, serverPid } = await startElsewhere();
    const found = findEmbeddedPostgres(folder);
    expect(found?.pid).toBe(serverPid);
    await ask(found?.url('postgres') ?? '', 'CREATE TABLE kept AS SELECT 1 AS id');
    signal(watchdogOf(serverPid), 'SIGKILL');
    signal(pid, 'SIGKILL');
    await waitUntil(() => startOf(pid) === null, 5_000);
    expect(isServerOf(serverPid, paths(folder).data)).toBe(true);
    const server = await start();
    expect(startOf(serverPid)).toBeNull();
    expect(await ask(server.url('postgres'), 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
  });

  test('a server that was killed too starts again from its log', async () => {
    const { pid, serverPid } = await startElsewhere();
    await ask(findEmbeddedPostgres(folder)?.url('postgres') ?? '', 'CREATE TABLE kept AS SELECT 1 AS id');
    signal(serverPid, 'SIGKILL');
    signal(pid, 'SIGKILL');
    await waitUntil(() => startOf(pid) === null && startOf(serverPid) === null, 5_000);
    const server = await start();
    expect(await ask(server.url('postgres'), 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
  });

  test('a pid file that names a process of somebody else harms nobody', async () => {
    const server = await start();
    await server.stop();
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
    writeFileSync(
      join(paths(folder).data, 'postmaster.pid'),
      `${bystander.pid}\n${paths(folder).data}\n1\n5432\n\n\n\nready\n`,
    );
    await expect(start().then(() => 'started')).resolves.toBe('started');
    expect(startOf(bystander.pid ?? -1)).not.toBeNull();
    bystander.kill('SIGKILL');
  });
});

describe.runIf(process.getuid?.() === 0)('as root, where user namespaces are forbidden', () => {
  test('it runs as another user, with its data linked from a folder only root can enter', async () => {
    const home = mkdtempSync(join(tmpdir(), 'tidemark-system-user-'));
    try {
      chmodSync(home, 0o755);
      const namespaced = await start();
      await ask(namespaced.url('postgres'), 'CREATE TABLE kept AS SELECT 1 AS id');
      await namespaced.stop();
      const server = await start({ launch: systemUserLaunch(findBinaries(), home) });
      expect(server.notice).toContain('postgres');
      expect(statSync(`/proc/${server.pid}`).uid).not.toBe(0);
      expect(await ask(server.url('postgres'), 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
      await server.stop();
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
