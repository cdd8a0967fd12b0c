import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CliError } from '../error.ts';
import { openDataFolder, storedIdentity } from './data-folder.ts';

let parent = '';
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'tidemark-folder-'));
});
afterEach(() => {
  chmodSync(parent, 0o700);
  rmSync(parent, { recursive: true });
});

const own = { kind: 'own', currency: 'USD', nowMs: 0 } as const;

function codeOf(open: () => unknown): string {
  try {
    open();
  } catch (error) {
    if (error instanceof CliError) return error.code;
    throw error;
  }
  return 'none';
}

test('a folder keeps what it was made as', () => {
  const home = join(parent, 'deep', 'home');
  const first = openDataFolder(home, { ...own, currency: 'EUR' });
  expect(first.isNew).toBe(true);
  first.release();
  expect(storedIdentity(home)).toMatchObject({ currency: 'EUR', on: [] });
  const again = openDataFolder(home, { ...own, currency: 'EUR', nowMs: 5 });
  expect([again.isNew, again.identity]).toEqual([false, first.identity]);
  again.release();
  expect(statSync(home).mode & 0o777).toBe(0o700);
});

test('another currency, another kind and another version are refused, and the folder is let go', () => {
  const home = join(parent, 'home');
  openDataFolder(home, own).release();
  expect(codeOf(() => openDataFolder(home, { ...own, currency: 'EUR' }))).toBe('TIDEMARK_HOME_CURRENCY');
  expect(codeOf(() => openDataFolder(home, { ...own, kind: 'demo' }))).toBe('TIDEMARK_HOME_KIND');
  const file = join(home, 'tidemark.json');
  const kept = readFileSync(file, 'utf8');
  writeFileSync(file, kept.replace('"version": 2', '"version": 1'));
  expect(codeOf(() => openDataFolder(home, own))).toBe('TIDEMARK_HOME_VERSION');
  writeFileSync(file, '{');
  expect(codeOf(() => openDataFolder(home, own))).toBe('TIDEMARK_HOME_VERSION');
  writeFileSync(file, kept);
  openDataFolder(home, own).release();
});

test('the stores stay where they were first', () => {
  const [plain, served] = [join(parent, 'plain'), join(parent, 'served')];
  openDataFolder(plain, own).release();
  expect(codeOf(() => openDataFolder(plain, { ...own, on: ['kafka'] }))).toBe('TIDEMARK_HOME_SERVERS');
  openDataFolder(served, { ...own, on: ['kafka', 'cassandra'] }).release();
  expect(storedIdentity(served)?.on).toEqual(['kafka', 'cassandra']);
  expect(codeOf(() => openDataFolder(served, own))).toBe('TIDEMARK_HOME_SERVERS');
  openDataFolder(served, { ...own, on: ['cassandra', 'kafka'] }).release();
});

test('a folder with other things in it is not taken', () => {
  writeFileSync(join(parent, 'thesis.doc'), '');
  expect(codeOf(() => openDataFolder(parent, own))).toBe('TIDEMARK_HOME_FOREIGN');
});

test('a file where the folder should be, and a place where none can be made, are said as such', () => {
  writeFileSync(join(parent, 'file'), '');
  expect(codeOf(() => openDataFolder(join(parent, 'file'), own))).toBe('TIDEMARK_HOME_ACCESS');
  expect(codeOf(() => openDataFolder('/proc/tidemark', own))).toBe('TIDEMARK_HOME_ACCESS');
});

test('a folder is held by one at a time; what a dead process left is taken over', () => {
  const held = openDataFolder(parent, own);
  const name = `lock-${process.ppid}-1`;
  writeFileSync(join(parent, name), '');
  held.release();
  const again = openDataFolder(parent, own);
  expect(() => statSync(join(parent, name))).toThrow();
  again.release();
});
