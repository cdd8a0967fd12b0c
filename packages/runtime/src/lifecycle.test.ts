import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { type App, runApp } from './lifecycle.ts';
import { createLogger } from './logger.ts';

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  readonly sent: unknown[] = [];

  exit(code: number): void {
    this.exits.push(code);
  }

  send(message: unknown): void {
    this.sent.push(message);
  }
}

function launch(start: (app: App) => Promise<void>, bounds: { deadlineMs?: number; closerMs?: number } = {}) {
  const host = new FakeProcess();
  const lines: string[] = [];
  const logger = createLogger({ app: 'test', level: 'info', destination: { write: (line) => lines.push(line) } });
  runApp({ name: 'test', logger, host, ...bounds }, start);
  const exit = async (): Promise<number> => {
    await vi.waitFor(() => expect(host.exits.length).toBeGreaterThan(0), { timeout: 5000, interval: 2 });
    return host.exits[0] ?? Number.NaN;
  };
  return { host, lines, exit };
}

const never = new Promise<void>(() => undefined);

test.each(['SIGTERM', 'SIGINT', 'disconnect'])('%s stops the app: last opened, first closed, exit 0', async (event) => {
  const closed: string[] = [];
  const { host, exit } = launch(async (app) => {
    app.onStop('database', () => void closed.push('database'));
    app.onStop('server', async () => {
      await Promise.resolve();
      expect(app.signal.aborted).toBe(true);
      closed.push('server');
    });
    app.ready({ port: 8080 });
  });
  expect(host.sent).toEqual([{ type: 'ready', app: 'test', port: 8080 }]);
  host.emit(event);
  expect(await exit()).toBe(0);
  expect(closed).toEqual(['server', 'database']);
});

test('a closer that hangs or fails does not keep the others from closing, and the exit says so', async () => {
  const closed: string[] = [];
  const { host, exit, lines } = launch(
    async (app) => {
      app.onStop('first', () => void closed.push('first'));
      app.onStop('hangs', () => never);
      app.onStop('fails', () => Promise.reject(new Error('broken closer')));
    },
    { closerMs: 20 },
  );
  host.emit('SIGTERM');
  expect(await exit()).toBe(1);
  expect(closed).toEqual(['first']);
  expect(lines.join()).toContain('broken closer');
  expect(lines.join()).toContain('"closer":"hangs"');
});

test('the deadline ends a stop that takes too long', async () => {
  const { host, exit } = launch(async (app) => app.onStop('hangs', () => never), { deadlineMs: 20, closerMs: 60_000 });
  host.emit('SIGTERM');
  expect(await exit()).toBe(1);
});

test('a second signal exits at once', async () => {
  const { host } = launch(async (app) => app.onStop('hangs', () => never));
  host.emit('SIGINT');
  expect(host.exits).toEqual([]);
  host.emit('SIGINT');
  expect(host.exits).toEqual([130]);
});

test('a start that fails closes what it opened and exits with 1', async () => {
  let closed = false;
  const { exit, lines } = launch(async (app) => {
    app.onStop('database', () => {
      closed = true;
    });
    throw new Error('no such table');
  });
  expect(await exit()).toBe(1);
  expect(closed).toBe(true);
  expect(lines.join()).toContain('no such table');
});

test('a start still under way is waited for, and what it opens late is closed', async () => {
  const closed: string[] = [];
  const { host, exit } = launch(async (app) => {
    await new Promise<void>((resolve) => app.signal.addEventListener('abort', () => resolve()));
    app.onStop('late', () => void closed.push('late'));
    app.ready();
    app.signal.throwIfAborted();
  });
  host.emit('SIGTERM');
  expect(await exit()).toBe(0);
  expect(closed).toEqual(['late']);
  expect(host.sent).toEqual([]);
});

test.each(['uncaughtException', 'unhandledRejection'])('an %s is logged and exits with 1 at once', (event) => {
  const { host, lines } = launch(async () => undefined);
  host.emit(event, new Error('a bug'));
  expect(host.exits).toEqual([1]);
  expect(lines.join()).toContain('a bug');
});

test('an app without a parent is ready too', async () => {
  const host = Object.assign(new EventEmitter(), { exit: () => undefined });
  const lines: string[] = [];
  const logger = createLogger({ app: 'test', level: 'info', destination: { write: (line) => lines.push(line) } });
  runApp({ name: 'test', logger, host }, async (app) => app.ready());
  await vi.waitFor(() => expect(lines.join()).toContain('ready'));
});
