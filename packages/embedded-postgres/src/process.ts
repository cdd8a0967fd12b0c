import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Answers what `read` does, or null when the thing asked about is not there (any more). */
function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

const onLinux = process.platform === 'linux';

const ps = (pid: number, column: string): string | null =>
  orNull(() => execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim());

/** Fields of /proc/PID/stat from the third on: the second is the command, which may hold spaces and brackets. */
function procStat(pid: number): readonly string[] | null {
  const text = orNull(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  return text === null ? null : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/**
 * When the process was started, in the system's own terms; null when there is none, or only a zombie. With the pid it
 * names one process for good: pids are used again.
 */
export function startOf(pid: number): string | null {
  if (!onLinux) return ps(pid, 'lstart');
  const stat = procStat(pid);
  if (stat === null || stat[0] === 'Z' || stat[0] === 'X') return null;
  return stat[19] ?? null;
}

/** Whether the process is a PostgreSQL server that runs on this data folder: it is asked, not believed from a file. */
export function isServerOf(pid: number, dataFolder: string): boolean {
  if (startOf(pid) === null) return false;
  if (!onLinux) {
    const command = ps(pid, 'command');
    return command?.includes('postgres') === true && command.includes(dataFolder);
  }
  // A server works in its data folder. Its name is what the kernel was given to run.
  const name = orNull(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  const cwd = orNull(() => readlinkSync(`/proc/${pid}/cwd`));
  return name === 'postgres' && cwd !== null && cwd === orNull(() => realpathSync(dataFolder));
}

/**
 * Every process of PostgreSQL that works in the data folder: the server and its backends, which live a moment longer
 * than a server that was killed. Null where the system can't say.
 */
export function processesIn(dataFolder: string): readonly number[] | null {
  if (!onLinux) return null;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isServerOf(pid, dataFolder));
}

/** Sends a signal; a process that is already gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  orNull(() => process.kill(pid, name));
}

/** Waits until `condition` holds; answers whether it did before the deadline. */
export async function waitUntil(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await pause(10);
  }
  return true;
}

/**
 * Ends a PostgreSQL server: fast (SIGINT), then without a checkpoint (SIGQUIT), which costs the next start a recovery
 * but loses nothing, then by force. `isGone` must say so for this very process.
 */
export async function endServer(pid: number, isGone: () => boolean): Promise<void> {
  for (const [name, graceMs] of [
    ['SIGINT', 2_000],
    ['SIGQUIT', 1_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (isGone()) return;
    signal(pid, name);
    if (await waitUntil(isGone, graceMs)) return;
  }
}
