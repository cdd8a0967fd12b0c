import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { InfraError } from './error.ts';
import { findMaven } from './java.ts';
import { identify, isAlive } from './process-identity.ts';

export type MavenRun = {
  readonly pom: string;
  /** Goals and settings. */
  readonly args: readonly string[];
  readonly cwd: string;
  /** What it is for, in the words of its failure: `bring the files of kafka`. */
  readonly purpose: string;
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Runs Maven on a pom. Throws `TIDEMARK_INFRA_TOOLS` when it is not here, `TIDEMARK_INFRA_ARTEFACTS` with its last lines
 * when it failed.
 */
export async function runMaven({ pom, args, cwd, purpose, onLine = () => {}, signal }: MavenRun): Promise<void> {
  const child = spawn(findMaven(), ['-B', '-f', pom, ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd });
  // Ends with us: an interrupted start must not leave it running.
  const identity = child.pid === undefined ? null : identify(child.pid);
  const end = () => identity !== null && isAlive(identity) && child.kill('SIGKILL');
  process.once('exit', end);
  signal?.addEventListener('abort', end);
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > 30) lines.shift();
      onLine(line);
    });
  }
  const code = await new Promise((done) => {
    child.once('error', (error) => done(error.message));
    child.once('close', done);
  });
  process.off('exit', end);
  signal?.removeEventListener('abort', end);
  if (code === 0) return;
  signal?.throwIfAborted();
  throw new InfraError(
    'TIDEMARK_INFRA_ARTEFACTS',
    `Maven could not ${purpose} (${code}). Is its repository reachable?\n${lines.join('\n')}`,
    { retryable: true },
  );
}
