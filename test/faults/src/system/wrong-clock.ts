import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/usr/lib';

/** Where Debian's libfaketime is; null without it. */
const library = (existsSync(ROOT) ? readdirSync(ROOT) : [])
  .map((machine) => join(ROOT, machine, 'faketime', 'libfaketime.so.1'))
  .find(existsSync);

const inCi = process.env.CI === 'true' || process.env.CI === '1';
if (library === undefined && !inCi) {
  process.stderr.write('\nSKIPPED: clocks that are wrong. Install libfaketime (apt-get install libfaketime).\n\n');
}

/** Whether tests of wrong clocks are left out here. In CI they fail instead. */
export const noWrongClocks = library === undefined && !inCi;

/** Variables by which a process has another time than the machine: `+90m`, `-90m`. */
export function wrongClock(by: string): Readonly<Record<string, string>> {
  if (library === undefined) throw new Error('libfaketime is not installed: apt-get install libfaketime');
  return { LD_PRELOAD: library, FAKETIME: by };
}
