import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Child } from './child.ts';
import { LogFile } from './log-file.ts';

let folder = '';
const children: Child[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-child-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.stop();
  rmSync(folder, { recursive: true });
});

/** A process that does as `body` says; `process.argv[2]` is a file it may use. */
function childOf(body: string) {
  const entry = join(folder, 'entry.mjs');
  writeFileSync(entry, body);
  const told: string[] = [];
  const givenUp = vi.fn();
  const log = new LogFile(join(folder, 'child.log'), () => {});
  const child = new Child({
    name: 'test layer',
    entry,
    args: [join(folder, 'state')],
    env: () => process.env,
    log,
    stopMs: 300,
    tell: (message) => told.push(message),
    onGivenUp: givenUp,
    onChange: () => {},
  });
  children.push(child);
  return { child, told, givenUp };
}

const READY = "process.send({ type: 'ready', app: 'test', url: 'http://x' });";
const STAY = 'setInterval(() => {}, 1000);';
const DIES_WITH = `console.error(JSON.stringify({ level: 'fatal', err: { message: 'the disk is full' } })); process.exit(1);`;

test('what a process says when it is ready is answered; what it prints goes to its log', async () => {
  const { child } = childOf(`console.error('{"level":"info","msg":"hello"}'); ${READY} ${STAY}`);
  expect(await child.start()).toMatchObject({ url: 'http://x' });
  await vi.waitFor(() => expect(readFileSync(join(folder, 'child.log'), 'utf8')).toContain('hello'));
  expect(child.status).toMatchObject({ state: 'running', restarts: 0 });
});

test('one that never gets ready is an error with its last words, and is not tried again', async () => {
  const { child, givenUp } = childOf(DIES_WITH);
  await expect(child.start()).rejects.toThrow('The test layer did not start: the disk is full');
  expect(givenUp).not.toHaveBeenCalled();
  const broken = childOf('throw new TypeError("it is broken")');
  await expect(broken.child.start()).rejects.toThrow('it is broken');
});

test('one that ends is started again', async () => {
  const { child, told } = childOf(`${READY} ${STAY}`);
  await child.start();
  const { pid } = child.status;
  if (pid === null) throw new Error('no pid');
  process.kill(pid, 'SIGKILL');
  await vi.waitFor(() => expect(child.status).toMatchObject({ state: 'running', restarts: 1 }), 10_000);
  expect(child.status.pid).not.toBe(pid);
  expect(told).toEqual(['the test layer ended (SIGKILL); it is started again', 'the test layer runs again']);
});

test('one that keeps ending is given up with its last words', async () => {
  const { child, givenUp } = childOf(`${READY} setTimeout(() => { ${DIES_WITH} }, 20);`);
  await child.start();
  await vi.waitFor(() => expect(givenUp).toHaveBeenCalledOnce(), 30_000);
  expect(givenUp.mock.calls[0]?.[0]).toMatchObject({
    code: 'TIDEMARK_PROCESS_FAILED',
    message: expect.stringContaining('the disk is full'),
  });
});

test('one that does not listen is ended by force', async () => {
  const { child } = childOf(`process.on('SIGTERM', () => {}); ${READY} ${STAY}`);
  await child.start();
  const { pid } = child.status;
  await child.stop();
  expect(child.status).toMatchObject({ state: 'stopped', pid: null });
  expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
});
