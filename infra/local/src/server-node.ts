import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { InfraError } from './error.ts';
import {
  endProcess,
  forget,
  identify,
  isAlive,
  type ProcessIdentity,
  readIdentity,
  signal,
  waitUntil,
  writeIdentity,
} from './process-identity.ts';

export type NodeCommand = { readonly file: string; readonly args: readonly string[] };

export type NodeOptions = {
  /** For people: `Kafka broker 1`. */
  readonly name: string;
  /** The node's own folder: its pid, its log, its data. */
  readonly folder: string;
  /** `host:port` that clients connect to. */
  readonly address: string;
  /** Prepares the folder where needed and answers what to run. */
  readonly command: () => Promise<NodeCommand>;
  /** Resolves when the server answered as one that can be used; rejects while it can't. */
  readonly answers: () => Promise<void>;
  readonly startTimeoutMs: number;
  /** How long the server may take to end by itself. */
  readonly graceMs: number;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal;
};

const MAX_LOG_BYTES = 16 * 1024 * 1024;
const LOG_TAIL_LINES = 20;

/** One server process on one folder. Who it is stands in the folder, so a later process of ours finds it again. */
export class ServerNode {
  readonly address: string;
  readonly #options: NodeOptions;
  #ended: Promise<void> = new Promise(() => {});

  constructor(options: NodeOptions) {
    this.#options = options;
    this.address = options.address;
  }

  /** The live server, whoever started it. */
  get process(): ProcessIdentity | null {
    return readIdentity(this.#pidFile);
  }

  /** Resolves when the process that was started here last has ended, however that came. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get log(): string {
    return join(this.#options.folder, 'server.log');
  }

  get #pidFile(): string {
    return join(this.#options.folder, 'pid');
  }

  /** Starts the server, unless it runs, and waits until it answers. Throws `TIDEMARK_INFRA_START_FAILED`. */
  async start(): Promise<void> {
    const { signal: stop } = this.#options;
    stop?.throwIfAborted();
    const running = this.process ?? (await this.#launch());
    let why: unknown = null;
    const isReady = async () => {
      if (!isAlive(running) || stop?.aborted === true) return true;
      try {
        await this.#options.answers();
        why = null;
        return true;
      } catch (error) {
        why = error;
        return false;
      }
    };
    const inTime = await waitUntil(isReady, this.#options.startTimeoutMs, 100);
    if (stop?.aborted === true) {
      // It was on the way up: an end in order would come no sooner than the start.
      await this.kill();
      throw stop.reason;
    }
    if (inTime && isAlive(running)) return;
    await this.stop();
    const how = inTime ? 'ended' : `did not answer in time (${why instanceof Error ? why.message : why})`;
    throw this.#failed(`${how}. The end of ${this.log}:\n${this.#logTail()}`);
  }

  async stop(): Promise<void> {
    const running = this.process;
    if (running !== null) await endProcess(running, this.#options.graceMs);
    forget(this.#pidFile);
  }

  /** As a crash would: SIGKILL. Resolves when the process is gone. */
  async kill(): Promise<void> {
    const running = this.process;
    if (running !== null) await endProcess(running, 0, 'SIGKILL');
    forget(this.#pidFile);
  }

  /** Stops the process in its tracks: connections stay open, nothing answers. */
  pause(): void {
    const running = this.process;
    if (running !== null) signal(running, 'SIGSTOP');
  }

  resume(): void {
    const running = this.process;
    if (running !== null) signal(running, 'SIGCONT');
  }

  /** Resolves when the server answers now; rejects with the reason when it does not. */
  async check(): Promise<void> {
    await this.#options.answers();
  }

  async #launch(): Promise<ProcessIdentity> {
    const { folder, command } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { file, args } = await command();
    const log = this.#openLog();
    const child = spawn(file, args, {
      stdio: ['ignore', log, log],
      // Its own session: a Ctrl-C is ours to act on, after those who use it.
      detached: true,
      cwd: folder,
      env: environment(),
    });
    closeSync(log);
    const failure = new Promise<Error>((done) => child.once('error', done));
    const identity = child.pid === undefined ? null : identify(child.pid);
    if (identity === null) throw this.#failed(`could not be run: ${child.pid === undefined ? await failure : file}`);
    writeIdentity(this.#pidFile, identity);
    this.#ended = new Promise((done) => {
      child.once('exit', () => {
        if (readIdentity(this.#pidFile) === null) forget(this.#pidFile);
        done();
      });
    });
    // A program that forgets to stop it still ends.
    child.unref();
    return identity;
  }

  /** The log is appended to over starts; one that has grown large begins anew. */
  #openLog(): number {
    if (existsSync(this.log) && statSync(this.log).size > MAX_LOG_BYTES) truncateSync(this.log);
    return openSync(this.log, 'a', 0o600);
  }

  #logTail(): string {
    if (!existsSync(this.log)) return '';
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
  }

  #failed(how: string): InfraError {
    return new InfraError('TIDEMARK_INFRA_START_FAILED', `${this.#options.name} ${how}`, { retryable: true });
  }
}

/** By the last of them `npm test` knows what a run of it left behind. */
const KEPT_VARIABLES = ['PATH', 'HOME', 'JAVA_HOME', 'TMPDIR', 'LANG', 'TIDEMARK_TEST_RUN'];

/** Servers take their settings from their files, not from variables that a user has for another server. */
const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => KEPT_VARIABLES.includes(name)));
