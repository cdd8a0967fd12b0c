import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockFolder, startName } from './lock.ts';

test('a live process keeps the folder; one that was killed does not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-lock-'));
  const script = `${folder}.mjs`;
  writeFileSync(script, "process.send('up'); setInterval(() => {}, 1000);");
  const other = fork(script, { execArgv: [] });
  try {
    await once(other, 'message');
    const { pid } = other;
    if (pid === undefined) throw new Error('not started');
    writeFileSync(join(folder, `lock-${pid}-${startName(pid)}`), '');
    expect(() => lockFolder(folder)).toThrow(`(process ${pid})`);
    // The same number, started at another time, is another process.
    rmSync(join(folder, `lock-${pid}-${startName(pid)}`));
    writeFileSync(join(folder, `lock-${pid}-12345`), '');
    lockFolder(folder)();
    writeFileSync(join(folder, `lock-${pid}-${startName(pid)}`), '');
    other.kill('SIGKILL');
    await once(other, 'exit');
    lockFolder(folder)();
  } finally {
    other.kill('SIGKILL');
    rmSync(folder, { recursive: true });
    rmSync(script);
  }
});
