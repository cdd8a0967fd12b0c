import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { appFlags } from '../apps/app-entry.ts';
import { type LoggedError, readAppLine } from '../apps/log-line.ts';
import { CliError } from '../error.ts';
import type { RunningProcess } from '../home/running-file.ts';
import type { LogFile } from './log-file.ts';

export type ChildOptions = {
  readonly name: string;
  /** The file to run, and its arguments. */
  readonly entry: string;
  readonly args?: readonly string[];
  /** The whole environment; asked for at each start. */
  readonly env: () => NodeJS.ProcessEnv;
  readonly log: LogFile;
  /** How long it may take to stop before it is ended by force. */
  readonly stopMs: number;
  /** Told of what a person should see: errors it logs, that it ended and is started again. */
  readonly tell: (message: string) => void;
  /** It was running and is now beyond help. */
  readonly onGivenUp: (error: CliError) => void;
  /** Its state changed. */
  readonly onChange: () => void;
};

const readyMessage = z.looseObject({ type: z.literal('ready') });
export type Ready = z.output<typeof readyMessage>;

/** A process that ends sooner than this after it was ready, or before, ended quickly. */
const QUICK_MS = 30_000;
/** So many quick ends in a row, and it is given up. */
const MAX_QUICK_ENDS = 5;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5_000;

/**
 * One process of the system: an app in its own session (a Ctrl-C reaches the supervisor alone, which stops everything in
 * order), with an IPC channel by whose end it notices that the supervisor is gone. It is started again when it ends, with
 * growing delays, until it has ended quickly five times in a row.
 */
export class Child {
  readonly name: string;
  readonly #options: ChildOptions;
  #process: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #state: RunningProcess['state'] = 'stopped';
  #since = Date.now();
  #restarts = 0;
  #quickEnds = 0;
  #stopping = false;
  #lastWords: LoggedError | null = null;
  #text: string[] = [];
  readonly #stop = new AbortController();

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get status(): RunningProcess {
    const pid = this.#process?.pid ?? null;
    return {
      name: this.name,
      pid,
      state: this.#state,
      restarts: this.#restarts,
      since: new Date(this.#since).toISOString(),
    };
  }

  /** Starts it and waits until it says `ready`. Throws `TIDEMARK_PROCESS_FAILED` with its last words when it ends before. */
  async start(): Promise<Ready> {
    const ready = await this.#launch();
    if (ready !== null) return ready;
    throw new CliError('TIDEMARK_PROCESS_FAILED', `The ${this.name} did not start: ${this.#why()}`);
  }

  /** Ends it for good: SIGTERM, then SIGKILL. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#stop.abort();
    const running = this.#process;
    if (running === null) return;
    running.kill('SIGTERM');
    const kill = setTimeout(() => running.kill('SIGKILL'), this.#options.stopMs);
    await this.#ended;
    clearTimeout(kill);
  }

  /** One life. Answers what it said when it was ready, or null when it ended before. */
  #launch(): Promise<Ready | null> {
    const { entry, args = [], env, log } = this.#options;
    this.#lastWords = null;
    this.#text = [];
    this.#enter('starting');
    const child = fork(entry, [...args], {
      env: env(),
      execArgv: appFlags(),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#process = child;
    this.#read(child.stdout, (line) => log.write(`${line}\n`));
    this.#read(child.stderr, (line) => this.#onLine(line));
    let readyAtMs: number | null = null;
    return new Promise((done) => {
      child.on('message', (message) => {
        const ready = readyMessage.safeParse(message);
        if (!ready.success) return;
        readyAtMs = Date.now();
        this.#enter('running');
        done(ready.data);
      });
      this.#ended = new Promise((ended) => {
        const end = (how: string) => {
          if (this.#process !== child) return;
          this.#process = null;
          this.#enter('stopped');
          ended();
          done(null);
          if (readyAtMs === null && this.#restarts === 0) return;
          void this.#again(how, readyAtMs !== null && Date.now() - readyAtMs > QUICK_MS);
        };
        // `close` comes after the last line was read, so that its last words are known.
        child.once('close', (code, signal) => end(signal === null ? `exit code ${code}` : signal));
        child.once('error', (error) => end(error.message));
      });
    });
  }

  async #again(how: string, livedLong: boolean): Promise<void> {
    if (this.#stopping) return;
    this.#quickEnds = livedLong ? 1 : this.#quickEnds + 1;
    const { tell, onGivenUp } = this.#options;
    if (this.#quickEnds >= MAX_QUICK_ENDS) {
      const message = `The ${this.name} ended ${this.#quickEnds} times in a row (${how}): ${this.#why()}`;
      onGivenUp(new CliError('TIDEMARK_PROCESS_FAILED', message));
      return;
    }
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (this.#quickEnds - 1), MAX_DELAY_MS);
    tell(`the ${this.name} ended (${how}); it is started again`);
    this.#enter('waiting');
    try {
      await pause(delayMs, undefined, { signal: this.#stop.signal });
    } catch {
      return;
    }
    this.#restarts += 1;
    if ((await this.#launch()) !== null) tell(`the ${this.name} runs again`);
  }

  #enter(state: RunningProcess['state']): void {
    this.#state = state;
    this.#since = Date.now();
    this.#options.onChange();
  }

  #read(stream: Readable | null, onLine: (line: string) => void): void {
    if (stream !== null) createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine);
  }

  #onLine(line: string): void {
    this.#options.log.write(`${line}\n`);
    const read = readAppLine(line);
    if (read.kind === 'text') this.#text = [...this.#text, read.text].slice(-20);
    if (read.kind !== 'error' || this.#stopping) return;
    this.#lastWords = read.error;
    this.#options.tell(`${this.name}: ${read.error.message}`);
  }

  /** The last error it logged, else what Node said of its end. */
  #why(): string {
    if (this.#lastWords !== null) return this.#lastWords.message;
    const said = this.#text.find((line) => /^\w*Error\b/.test(line)) ?? this.#text.at(-1);
    return said ?? 'it said nothing. Its log file may tell more.';
  }
}
