import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';

export type AppName = 'batch-layer' | 'ingest' | 'serving-layer' | 'speed-layer';

const entryOf = (app: AppName): string =>
  fileURLToPath(new URL(`../../../../apps/${app}/dist/main.js`, import.meta.url));

const READY_MS = 60_000;

export type AppOptions = {
  readonly app: AppName;
  /** Its whole environment but for PATH, as where it is deployed. */
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Whether it does its work. */
  readonly isReady: (said: string) => Promise<boolean> | boolean;
};

/** One process of one app, started from what was built, with nothing but its own environment. */
export class AppProcess {
  readonly #options: AppOptions;
  #child: ChildProcess;
  #said = '';

  private constructor(options: AppOptions) {
    this.#options = options;
    this.#child = this.#spawn();
  }

  /** Resolves when it does its work. */
  static async start(options: AppOptions): Promise<AppProcess> {
    const started = new AppProcess(options);
    await started.#ready();
    return started;
  }

  get stdin(): NodeJS.WritableStream {
    if (this.#child.stdin === null) throw new Error('no stdin');
    return this.#child.stdin;
  }

  onLine(take: (line: string) => void): void {
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      const lines = (rest + part).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    });
  }

  /** Sends the signal; resolves to the exit code when it is gone, null when the signal itself ended it. */
  end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return this.ended();
  }

  /** Resolves to its exit code when it has ended. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
    return this.#child.exitCode;
  }

  /** The last of what it said, for whoever reads a failure. */
  get lastWords(): string {
    return this.#said.slice(-4_000);
  }

  /** Starts it again, as it was started before; it must have ended. */
  async restart(): Promise<void> {
    this.#said = '';
    this.#child = this.#spawn();
    await this.#ready();
  }

  #spawn(): ChildProcess {
    const { app, args = [], env } = this.#options;
    const child = spawn(process.execPath, [entryOf(app), ...args], { env: { PATH: process.env.PATH, ...env } });
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      this.#said += part;
    });
    return child;
  }

  async #ready(): Promise<void> {
    const { app, isReady } = this.#options;
    await vi.waitUntil(
      () => {
        if (this.#child.exitCode !== null) throw new Error(`${app} ended at its start\n${this.lastWords}`);
        return isReady(this.#said);
      },
      { timeout: READY_MS, interval: 50 },
    );
  }
}
