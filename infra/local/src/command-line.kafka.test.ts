import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { findServers } from './find.ts';
import { freePort } from './ports.ts';
import { identify, isAlive } from './process-identity.ts';
import { eventually } from './testing/deadline.ts';
import { kafkaOfRun } from './testing/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-infra-'));
const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const SERVERS_OF_RUN = fileURLToPath(new URL('testing/servers-of-run.ts', import.meta.url));

const program = (file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) =>
  spawn(process.execPath, ['--import', 'tsx', '--conditions=tidemark-source', file, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Runs `infra COMMAND` for Kafka in the test's folder, to its end. */
async function infra(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<{ code: number | null; said: string }> {
  const child = program(MAIN, [...args, '--folder', folder, '--only', 'kafka'], env);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
  }
  await once(child, 'close');
  return { code: child.exitCode, said };
}

const pids = (): readonly number[] => findServers(folder, 'kafka')?.pids ?? [];

describe.skipIf(kafkaOfRun() === null)('infra', () => {
  afterAll(async () => {
    await findServers(folder, 'kafka')?.stop();
    rmSync(folder, { recursive: true });
  });

  test('says of a port that is taken which it is, and starts nothing', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    const { code, said } = await infra(['up', '--kafka-port', port]);
    taken.close();
    expect(code).toBe(1);
    expect(said).toContain(`Port ${port} on 127.0.0.1 is in use`);
    expect(pids()).toEqual([]);
  });

  test('up leaves a Kafka that outlives it; up again finds it, a killed one is started again, down ends it', async () => {
    const port = await freePort(['127.0.0.1'], new Set());
    const args = ['up', '--kafka-port', String(port)];
    expect((await infra(['status'])).code).toBe(1);
    const up = await infra(args);
    expect(up.said).toContain(`TIDEMARK_LOG_URL=kafka://127.0.0.1:${port}/customer_events`);
    expect(up.code).toBe(0);
    const first = pids();
    expect(first).toHaveLength(1);
    expect(await infra(['status'])).toMatchObject({ code: 0, said: expect.stringContaining('answers') });

    expect((await infra(['up'])).code).toBe(0);
    expect(pids()).toEqual(first);

    for (const pid of first) process.kill(pid, 'SIGKILL');
    await eventually('it is gone', 10_000, () => (pids().length === 0 ? true : null));
    expect(await infra(['status'])).toMatchObject({ code: 1, said: expect.stringContaining('does not run') });
    expect(await infra(args)).toMatchObject({ code: 0 });

    const running = pids().flatMap((pid) => identify(pid) ?? []);
    expect(running).toHaveLength(1);
    expect((await infra(['down'])).code).toBe(0);
    expect(running.filter(isAlive)).toEqual([]);
    expect(existsSync(join(folder, 'kafka', '1', 'server.log'))).toBe(true);
    expect(readFileSync(join(folder, 'kafka', '1', 'server.log'), 'utf8')).not.toContain('DEBUG');
  });
});

const decided = z.object({
  servers: z.tuple([z.object({ folder: z.string(), pids: z.array(z.int()) })]),
});

test.skipIf(kafkaOfRun() === null)(
  'servers end, and their temporary folder goes, when who started them is killed',
  async () => {
    const child = program(SERVERS_OF_RUN, ['kafka']);
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
    const { servers } = await eventually('the servers are there', 120_000, () =>
      said.includes('\n') ? decided.parse(JSON.parse(said)) : null,
    );
    const [server] = servers;
    const running = server.pids.flatMap((pid) => identify(pid) ?? []);
    expect(running).toHaveLength(1);
    child.kill('SIGKILL');
    await eventually('they are gone', 30_000, () => (running.some(isAlive) || existsSync(server.folder) ? null : true));
  },
);
