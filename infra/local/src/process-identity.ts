import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { processStart } from '@tidemark/embedded-postgres';
import { writeFileWhole } from './whole-file.ts';

/** Names one process for good: pids are used again, so the time it was started belongs to it. */
export type ProcessIdentity = { readonly pid: number; readonly start: string };

export function identify(pid: number): ProcessIdentity | null {
  const start = processStart(pid);
  return start === null ? null : { pid, start };
}

export const isAlive = ({ pid, start }: ProcessIdentity): boolean => processStart(pid) === start;

/** The live process whose identity the file holds; null when there is none, whatever a killed one left. */
export function readIdentity(path: string): ProcessIdentity | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const [, pid, start] = /^pid (\d+)\nstart (.+)$/m.exec(text) ?? [];
  if (pid === undefined || start === undefined) return null;
  const identity = { pid: Number(pid), start };
  return isAlive(identity) ? identity : null;
}

export const writeIdentity = (path: string, { pid, start }: ProcessIdentity): void =>
  writeFileWhole(path, `pid ${pid}\nstart ${start}\n`);

export const forget = (path: string): void => rmSync(path, { force: true });

/** Sends a signal to the very process; one that is gone is no error. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch {
    // It ended by itself.
  }
}

/** Waits until `condition` holds; answers whether it did before the deadline. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs = 20,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await pause(everyMs);
  }
  return true;
}

/** Ends a process with the signal, and by SIGKILL when that was not enough in time. Resolves when it is gone. */
export async function endProcess(
  identity: ProcessIdentity,
  graceMs: number,
  first: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  signal(identity, first);
  // A stopped one takes no SIGTERM.
  signal(identity, 'SIGCONT');
  if (await waitUntil(() => !isAlive(identity), graceMs)) return;
  signal(identity, 'SIGKILL');
  await waitUntil(() => !isAlive(identity), KILL_MS);
}

const KILL_MS = 10_000;
