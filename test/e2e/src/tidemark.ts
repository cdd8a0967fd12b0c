import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endAll, eventually, processesOf } from '@tidemark/infra-local/testing';
import { z } from 'zod';

const BIN = fileURLToPath(new URL('../../../bin/tidemark.mjs', import.meta.url));

const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TIDEMARK_|npm_)/.test(name)));

export type Result = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs a command of the built CLI to its end. */
export async function tidemark(args: readonly string[], input = ''): Promise<Result> {
  const child = spawn(process.execPath, [BIN, ...args], { env: environment(), stdio: 'pipe' });
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    out.stdout += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    out.stderr += part;
  });
  child.stdin.end(input);
  await once(child, 'close');
  return { code: child.exitCode, ...out };
}

/** As `tidemark`; fails the test unless it ends with 0. Answers what it printed. */
export async function succeed(args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await tidemark(args, input);
  if (code !== 0) throw new Error(`tidemark ${args.join(' ')} ended with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

const readyLine = z.object({ ready: z.literal(true), api_url: z.string() });
const running = z.object({ processes: z.array(z.object({ name: z.string(), pid: z.int().nullable() })) });

/** Two Java servers take longer than all the rest. */
const READY_MS = { alone: 60_000, onServers: 240_000 };

/** A `tidemark up` on a folder of its own, in a process group of its own. */
export class RunningSystem {
  readonly home: string;
  readonly apiUrl: string;
  readonly #process: ChildProcess;
  readonly #said: () => string;

  private constructor(home: string, apiUrl: string, child: ChildProcess, said: () => string) {
    this.home = home;
    this.apiUrl = apiUrl;
    this.#process = child;
    this.#said = said;
  }

  static async start(home: string, flags: readonly string[] = []): Promise<RunningSystem> {
    const args = [BIN, 'up', '--home', home, '--port', '0', '--json', '--barrier-distance', '0s', ...flags];
    const child = spawn(process.execPath, args, {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      stdout += part;
    });
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      stderr += part;
    });
    const readyMs = flags.includes('--on') || existsSync(join(home, 'kafka')) ? READY_MS.onServers : READY_MS.alone;
    const ready = await eventually('tidemark up is ready', readyMs, () => {
      if (child.exitCode !== null) throw new Error(`tidemark up ended with ${child.exitCode}: ${stderr}`);
      return stdout.includes('\n') ? readyLine.parse(JSON.parse(stdout)) : null;
    });
    return new RunningSystem(home, ready.api_url, child, () => stderr);
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error('not started');
    return this.#process.pid;
  }

  /** What it said on stderr so far. */
  get said(): string {
    return this.#said();
  }

  /** Process number of one of its parts, as running.json has it now. */
  pidOf(name: string): number | null {
    const text = readFileSync(join(this.home, 'running.json'), 'utf8');
    return running.parse(JSON.parse(text)).processes.find((part) => part.name === name)?.pid ?? null;
  }

  /** Sends a signal to it, or to its whole group as a terminal does; resolves with the milliseconds until it is gone. */
  async end(signal: NodeJS.Signals, to: 'process' | 'group' = 'process'): Promise<number> {
    const began = performance.now();
    process.kill(to === 'group' ? -this.pid : this.pid, signal);
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit');
    return performance.now() - began;
  }

  get exitCode(): number | null {
    return this.#process.exitCode;
  }
}

/** Resolves when no process works in the folder; what was ended by force takes a moment to go. */
export const noneLeft = (home: string, withinMs = 10_000): Promise<true> =>
  eventually('no process is left', withinMs, () => (processesOf(home).length === 0 ? true : null));

/** A folder that is removed, with everything that still runs in it, when `use` is over. */
export async function withHome(use: (home: string) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'tidemark-e2e-'));
  try {
    await use(home);
  } finally {
    await eventually('leftover processes end', 10_000, () => {
      const left = processesOf(home);
      endAll(left);
      return left.length === 0 ? true : null;
    });
    rmSync(home, { recursive: true, force: true });
  }
}
