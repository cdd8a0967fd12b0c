import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@tidemark/infra-local/testing';
import { z } from 'zod';

export type AppName = 'batch-layer' | 'serving-layer' | 'speed-layer';

export type AppOptions = {
  readonly app: AppName;
  /** Of the process, and of the file that it writes its log to. */
  readonly name: string;
  /** Where it works; whatever it starts is found by it. */
  readonly folder: string;
  /** Its whole environment besides PATH, as where it is deployed. */
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
};

const entryOf = (app: AppName): string =>
  fileURLToPath(new URL(`../../../../apps/${app}/dist/main.js`, import.meta.url));

const readyMessage = z.looseObject({ type: z.literal('ready'), url: z.string().optional() });

const READY_MS = 120_000;
const TAIL_CHARACTERS = 4_000;

/** One process of one app, from what was built, with nothing but its own environment. It ends with the test's process. */
export class AppProcess {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether a test has taken it away: its end is no failure then. */
  isGivenUp = false;
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #ended: Promise<number | null>;
  #ready: z.output<typeof readyMessage> | null = null;
  #hasEnded = false;

  constructor({ app, name, folder, env, args = [] }: AppOptions) {
    this.name = name;
    this.env = env;
    this.#log = join(folder, `${name}.log`);
    const log = openSync(this.#log, 'a');
    this.#child = fork(entryOf(app), args, {
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
      execArgv: [],
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#child.on('message', (message) => {
      const parsed = readyMessage.safeParse(message);
      if (parsed.success) this.#ready = parsed.data;
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', (code) => {
        this.#hasEnded = true;
        resolve(code);
      });
    });
  }

  /** Resolves when it says that it is ready. */
  async ready(): Promise<void> {
    await eventually(`${this.name} is ready`, READY_MS, () => {
      if (this.#hasEnded) throw new Error(`${this.name} ended at its start:\n${this.tail()}`);
      return this.#ready;
    });
  }

  /** Where it said that it answers. */
  get url(): string {
    if (this.#ready?.url === undefined) throw new Error(`${this.name} did not say where it answers`);
    return this.#ready.url;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} could not be started`);
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Resolves to its exit code when it has ended; null when a signal ended it. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  /** All that it said so far. */
  said(): string {
    return readFileSync(this.#log, 'utf8');
  }

  tail(): string {
    return this.said().slice(-TAIL_CHARACTERS);
  }

  /** As a crash would. */
  async kill(): Promise<void> {
    this.isGivenUp = true;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Told to stop; answers the exit code. */
  async stop(): Promise<number | null> {
    this.isGivenUp = true;
    this.#child.kill('SIGTERM');
    return this.#ended;
  }

  /** Stops it in its tracks: it knows nothing of it, and its connections stay open. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }
}
