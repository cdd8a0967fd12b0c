import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { LogFile } from './log-file.ts';

test('a log never takes more than two files of its size', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-log-'));
  const path = join(folder, 'app.log');
  const lost = vi.fn();
  const log = new LogFile(path, lost);
  const line = `${'x'.repeat(1024 * 1024 - 1)}\n`;
  for (let count = 0; count < 30; count++) log.write(line);
  log.write('last\n');
  log.close();
  expect(statSync(path).size + statSync(`${path}.1`).size).toBeLessThan(20 * 1024 * 1024);
  expect(readFileSync(path, 'utf8').endsWith('last\n')).toBe(true);
  expect(lost).not.toHaveBeenCalled();
  rmSync(folder, { recursive: true });
});

test('lines that can not be written are told of once and end nothing', () => {
  const lost = vi.fn();
  const log = new LogFile('/dev/full', lost);
  log.write('one\n');
  log.write('two\n');
  expect(lost).toHaveBeenCalledOnce();
  expect(lost.mock.calls[0]?.[0]).toMatchObject({ code: 'ENOSPC' });
});
