import { readFileSync } from 'node:fs';

/** `/proc` counts in hundredths of a second, whatever the kernel's own clock does. */
const MS_PER_TICK = 10;

export type CpuTime = {
  /** Milliseconds of a living process by itself. */
  readonly ownMs: number;
  /** And of the processes that it started and that have ended. */
  readonly endedMs: number;
};

/** Null when the process is gone, or where there is no `/proc`. */
export function cpuTime(pid: number): CpuTime | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The second field, the name, may hold anything but ends with the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ms = (at: number) => Number(fields[at]) * MS_PER_TICK;
  return { ownMs: ms(11) + ms(12), endedMs: ms(13) + ms(14) };
}

/** Milliseconds of a living process by itself; NaN where nobody tells. */
export const cpuMs = (pid: number): number => cpuTime(pid)?.ownMs ?? Number.NaN;

/** Milliseconds of a server that has a process for each connection: its own, those that live and those that have ended. */
export function cpuMsOfServer(pid: number, children: readonly number[]): number {
  const server = cpuTime(pid);
  if (server === null) throw new Error('the server is gone');
  return children.reduce((sum, child) => sum + (cpuTime(child)?.ownMs ?? 0), server.ownMs + server.endedMs);
}
