import { renameSync, writeFileSync } from 'node:fs';

/** Writes a small file so that others see it in its old or its new form, never half. */
export function writeFileWhole(path: string, text: string): void {
  const making = `${path}.new-${process.pid}`;
  writeFileSync(making, text, { mode: 0o600 });
  renameSync(making, path);
}
