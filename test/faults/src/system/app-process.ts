import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@tidemark/infra-local/testing';
import type { Moment } from '@tidemark/runtime';
import { z } from 'zod';
import { failpointSaid } from './failpoint.ts';

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

/** One life of a process. */
type Run = {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  hasEnded: boolean;
  ready: z.output<typeof readyMessage> | null;
};

const READY_MS = 120_000;
const TAIL_CHARACTERS = 4_000;

/** One process of one app, from what was built, with nothing but its own environment. It ends with the test's process. */
export class AppProcess {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether a test has taken it away: its end is no failure then. */
  isGivenUp = false;
  readonly #options: AppOptions;
  readonly #log: string;
  #run: Run;

  constructor(options: AppOptions) {
    this.name = options.name;
    this.env = options.env;
    this.#options = options;
    this.#log = join(options.folder, `${options.name}.log`);
    this.#run = this.#start();
  }

  /** Resolves when it says that it is ready. */
  async ready(): Promise<void> {
    await eventually(`${this.name} is ready`, READY_MS, () => {
      if (this.#run.hasEnded) throw new Error(`${this.name} ended at its start:\n${this.tail()}`);
      return this.#run.ready;
    });
  }

  /** Where it said that it answers. */
  get url(): string {
    const { ready } = this.#run;
    if (ready?.url === undefined) throw new Error(`${this.name} did not say where it answers`);
    return ready.url;
  }

  get pid(): number {
    const { pid } = this.#run.child;
    if (pid === undefined) throw new Error(`${this.name} could not be started`);
    return pid;
  }

  get hasEnded(): boolean {
    return this.#run.hasEnded;
  }

  /** Resolves to its exit code when it has ended; null when a signal ended it. */
  get ended(): Promise<number | null> {
    return this.#run.ended;
  }

  /** All that it said so far. */
  said(): string {
    return readFileSync(this.#log, 'utf8');
  }

  tail(): string {
    return this.said().slice(-TAIL_CHARACTERS);
  }

  /** Resolves when it has died at the moment that its failpoint names; throws when it ended otherwise. */
  async diesAt(moment: Moment): Promise<void> {
    this.isGivenUp = true;
    await eventually(`${this.name} dies at ${moment}`, READY_MS, () => (this.hasEnded ? true : null));
    const code = await this.ended;
    if (code === null && this.said().includes(failpointSaid(moment))) return;
    throw new Error(`${this.name} did not die at '${moment}', it ended with ${code}:\n${this.tail()}`);
  }

  /** Resolves when it stands still at the moment that its failpoint names. */
  async stopsAt(moment: Moment): Promise<void> {
    await eventually(`${this.name} stops at ${moment}`, READY_MS, () => {
      if (this.hasEnded) throw new Error(`${this.name} ended before '${moment}':\n${this.tail()}`);
      return this.said().includes(failpointSaid(moment)) ? true : null;
    });
  }

  /** As a crash would. */
  async kill(): Promise<void> {
    this.isGivenUp = true;
    this.#run.child.kill('SIGKILL');
    await this.ended;
  }

  /** Told to stop; answers the exit code. */
  async stop(): Promise<number | null> {
    this.isGivenUp = true;
    this.#run.child.kill('SIGTERM');
    return this.ended;
  }

  /** Starts it again, as it was started before; it must have ended. Resolves when it is ready. */
  async restart(): Promise<void> {
    this.isGivenUp = false;
    this.#run = this.#start();
    await this.ready();
  }

  /** Stops it in its tracks: it knows nothing of it, and its connections stay open. */
  pause(): void {
    this.#run.child.kill('SIGSTOP');
  }

  resume(): void {
    this.#run.child.kill('SIGCONT');
  }

  #start(): Run {
    const { app, folder, env, args = [] } = this.#options;
    const log = openSync(this.#log, 'a');
    const child = fork(entryOf(app), args, {
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
      execArgv: [],
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    const ended = new Promise<number | null>((resolve) => {
      child.once('exit', (code) => {
        run.hasEnded = true;
        resolve(code);
      });
    });
    const run: Run = { child, ended, hasEnded: false, ready: null };
    child.on('message', (message) => {
      const parsed = readyMessage.safeParse(message);
      if (parsed.success) run.ready = parsed.data;
    });
    return run;
  }
}
