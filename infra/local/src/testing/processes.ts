import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/** Every live process that has to do with the folder, ascending: by its arguments, its environment or where it works. */
export function processesOf(folder: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const [, state] = /\) (\w) /.exec(orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))) ?? [];
      if (state === undefined || state === 'Z' || state === 'X') return false;
      return [
        orEmpty(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1')),
        orEmpty(() => readFileSync(`/proc/${pid}/environ`, 'latin1')),
        orEmpty(() => readlinkSync(`/proc/${pid}/cwd`)),
      ].some((text) => text.includes(folder));
    })
    .map(Number)
    .sort((a, b) => a - b);
}

/** Ends what a failed test left. */
export function endAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
