import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CliError } from '../error.ts';
import { type AppName, appEntry, appFlags } from './app-entry.ts';
import { type AppProgress, type LoggedError, readAppLine } from './log-line.ts';

export type OneRun = {
  readonly app: AppName;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress?: (progress: AppProgress) => void;
  /** Each line it logs, for a log file. */
  readonly onLine?: (line: string) => void;
  /** Ends it: SIGTERM. */
  readonly signal?: AbortSignal;
};

export type OneResult = {
  readonly exitCode: number;
  /** What it printed. */
  readonly stdout: string;
  /** The last error it logged; null when it ended well. */
  readonly error: LoggedError | null;
};

/** How long it may take to stop when told to. */
const STOP_MS = 1_500;

/** Runs an app's command to its end, as a process that ends with this one. */
export async function runOnce({ app, args, env, onProgress, onLine, signal }: OneRun): Promise<OneResult> {
  const child = fork(appEntry(app), [...args], {
    env,
    execArgv: appFlags(),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let killer: NodeJS.Timeout | undefined;
  const stop = () => {
    child.kill('SIGTERM');
    killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  let error: LoggedError | null = null;
  let text = '';
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    stdout += part;
  });
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const read = readAppLine(line);
      if (read.kind === 'progress') return onProgress?.(read.progress);
      if (read.kind === 'error') error = read.error;
      if (read.kind === 'text') text += `${line}\n`;
      onLine?.(line);
    });
  }
  try {
    const [code, name] = await once(child, 'close');
    const exitCode = typeof code === 'number' ? code : 1;
    signal?.throwIfAborted();
    if (exitCode !== 0 && error === null) {
      const said = text.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? text.trim().split('\n').at(-1);
      error = { level: 'fatal', message: said || `it ended with ${name ?? `exit code ${exitCode}`}`, code: null };
    }
    return { exitCode, stdout, error };
  } finally {
    clearTimeout(killer);
    signal?.removeEventListener('abort', stop);
  }
}

/** Runs it and parses the one JSON document it prints. Throws its error, under the app's own code where it has one. */
export async function runForResult(run: OneRun): Promise<unknown> {
  const { exitCode, stdout, error } = await runOnce(run);
  if (exitCode === 0) return JSON.parse(stdout);
  throw new AppRunError(run.app, error ?? { level: 'fatal', message: `exit code ${exitCode}`, code: null });
}

/** An app's command failed; `appCode` is the stable code of its own error. */
export class AppRunError extends CliError {
  readonly appCode: string | null;

  constructor(app: AppName, { message, code }: LoggedError) {
    super('TIDEMARK_PROCESS_FAILED', code === null ? `The ${app} failed: ${message}` : message);
    this.appCode = code;
  }
}
