import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataFolder } from '../home/data-folder.ts';
import { readUpSettings } from './settings.ts';

test('the demo has a folder and a schedule of its own, unless they are given', () => {
  const demo = readUpSettings({ TIDEMARK_HOME: '' }, {}, true);
  expect([demo.home.endsWith('.tidemark-demo'), demo.batchSchedule]).toEqual([true, '*/30 * * * * *']);
  const own = readUpSettings({ TIDEMARK_BATCH_SCHEDULE: '0 30 * * * *' }, { home: '/x' }, true);
  expect([own.home, own.batchSchedule]).toEqual(['/x', '0 30 * * * *']);
  expect(readUpSettings({}, {}, false).home.endsWith('.tidemark')).toBe(true);
});

test('a folder keeps its currency unless another is named', () => {
  const parent = mkdtempSync(join(tmpdir(), 'tidemark-settings-'));
  const home = join(parent, 'home');
  openDataFolder(home, { kind: 'own', currency: 'JPY', nowMs: 0 }).release();
  expect(readUpSettings({}, { home }, false).currency).toBe('JPY');
  expect(readUpSettings({ TIDEMARK_CURRENCY: 'EUR' }, { home }, false).currency).toBe('EUR');
  rmSync(parent, { recursive: true });
});

test('everything wrong is said at once', () => {
  const read = () => readUpSettings({ TIDEMARK_PORT: 'x', TIDEMARK_CURENCY: 'EUR' }, { generations: '1' }, false);
  expect(read).toThrow(/TIDEMARK_CURENCY.*TIDEMARK_PORT.*--generations/s);
});
