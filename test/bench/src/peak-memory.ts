import { readdirSync, readFileSync } from 'node:fs';

/**
 * The most bytes a living process has had resident so far, by itself and by those it started, added up. Null where the
 * system does not keep account: Linux does.
 */
export function peakResident(pid: number): number | null {
  const own = ownPeakResident(pid);
  if (own === null) return null;
  return childrenOf(pid).reduce((sum, child) => sum + (peakResident(child) ?? 0), own);
}

/** The same without those it started: one that runs from source has started a compiler. */
export function ownPeakResident(pid: number): number | null {
  const own = /^VmHWM:\s+(\d+) kB$/m.exec(readOr(`/proc/${pid}/status`))?.[1];
  return own === undefined ? null : Number(own) * 1024;
}

/** A process's children that were started with `word` in their command line. */
export const childrenStartedWith = (word: string, of = process.pid): readonly number[] =>
  childrenOf(of).filter((pid) => readOr(`/proc/${pid}/cmdline`).includes(word));

function childrenOf(pid: number): readonly number[] {
  const tasks = `/proc/${pid}/task`;
  return namesIn(tasks).flatMap((task) => readOr(`${tasks}/${task}/children`).match(/\d+/g)?.map(Number) ?? []);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A file's text; nothing when the process it tells of is gone. */
function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
