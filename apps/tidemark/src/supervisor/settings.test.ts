import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataFolder } from '../home/data-folder.ts';
import { readUpSettings, serversOf } from './settings.ts';

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

test('the demo on servers has another folder; a folder keeps its servers, and none is given by a URL as well', () => {
  expect(readUpSettings({}, { on: 'kafka,cassandra' }, true).home.endsWith('.tidemark-demo-servers')).toBe(true);
  const parent = mkdtempSync(join(tmpdir(), 'tidemark-settings-'));
  const home = join(parent, 'home');
  openDataFolder(home, { kind: 'own', currency: 'USD', on: ['cassandra', 'kafka'], nowMs: 0 }).release();
  expect(serversOf(readUpSettings({}, { home }, false))).toEqual(['kafka', 'cassandra']);
  expect(serversOf(readUpSettings({}, { home, on: 'kafka' }, false))).toEqual(['kafka']);
  const url = { TIDEMARK_LOG_URL: 'kafka://127.0.0.1:9092/events' };
  expect(() => readUpSettings(url, { home }, false)).toThrow(/TIDEMARK_LOG_URL contradicts --on kafka/);
  expect(serversOf(readUpSettings(url, {}, false))).toEqual([]);
  rmSync(parent, { recursive: true });
});

test('everything wrong is said at once', () => {
  const read = () => readUpSettings({ TIDEMARK_PORT: 'x', TIDEMARK_CURENCY: 'EUR' }, { generations: '1' }, false);
  expect(read).toThrow(/TIDEMARK_CURENCY.*TIDEMARK_PORT.*--generations/s);
});
