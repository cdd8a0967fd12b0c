import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { identifier, openSession, type Session, textLiteral } from './index.ts';

let folder: string;
let session: Session;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-duckdb-'));
  session = await openSession({ memoryLimit: '256MB', threads: 1, tempFolder: join(folder, 'spill') });
});

afterAll(async () => {
  session.close();
  await rm(folder, { recursive: true });
});

const setting = async (name: string) =>
  (await session.connection.runAndReadAll(`SELECT current_setting('${name}')::VARCHAR`)).getRows()[0]?.[0];

it('keeps to the limits it was given', async () => {
  expect(await setting('memory_limit')).toBe('244.1 MiB');
  expect(await setting('threads')).toBe('1');
  expect(await setting('autoinstall_known_extensions')).toBe('false');
  expect(await setting('TimeZone')).toBe('UTC');
});

it('quotes what it is told to quote', async () => {
  const sql = `SELECT ${textLiteral("it's")} AS ${identifier('a "b"')}`;
  expect((await session.connection.runAndReadAll(sql)).getRowObjects()).toEqual([{ 'a "b"': "it's" }]);
});
