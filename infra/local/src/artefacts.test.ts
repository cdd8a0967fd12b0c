import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { resolveArtefacts } from './artefacts.ts';

let folder = '';
let cache = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-artefacts-'));
  cache = join(folder, 'cache');
  vi.stubEnv('PATH', [join(folder, 'bin'), process.env.PATH].join(delimiter));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Puts a Maven on the path that runs these lines of shell, with the folder for the jars as `$out`; its runs are counted. */
function mavenDoes(script: string): void {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const lines = [
    '#!/bin/sh',
    '[ "$1" = --version ] && exit 0',
    `echo run >> "${join(folder, 'runs')}"`,
    `out=$(printf '%s\\n' "$@" | sed -n 's/^-DoutputDirectory=//p')`,
    script,
  ];
  writeFileSync(join(folder, 'bin', 'mvn'), `${lines.join('\n')}\n`, { mode: 0o755 });
}

const runs = (): number => readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n').length;

test('the files are fetched once, into a folder named after the version', async () => {
  mavenDoes('echo jar > "$out/a.jar"');
  const lib = await resolveArtefacts('kafka', { cache });
  expect(lib).toMatch(/kafka-4\.\d+\.\d+-[0-9a-f]{8}$/);
  expect(readdirSync(lib)).toEqual(['a.jar']);
  expect(await resolveArtefacts('kafka', { cache })).toBe(lib);
  expect(runs()).toBe(1);
  expect(await resolveArtefacts('cassandra', { cache })).not.toBe(lib);
});

test('two that fetch at once both get the whole, and leave nothing else behind', async () => {
  // Both are at work before either is done.
  mavenDoes(`while [ "$(wc -l < "${join(folder, 'runs')}")" -lt 2 ]; do sleep 0.05; done; echo jar > "$out/a.jar"`);
  const [one, other] = await Promise.all([resolveArtefacts('kafka', { cache }), resolveArtefacts('kafka', { cache })]);
  expect(one).toBe(other);
  expect(readdirSync(cache)).toHaveLength(1);
  expect(readdirSync(one)).toEqual(['a.jar']);
});

test('a fetch that failed says why and is tried again, and what a killed process left goes', async () => {
  mavenDoes('echo "Could not transfer artifact"; exit 1');
  const abandoned = join(cache, 'new-999999999-1-AbCdEf');
  mkdirSync(abandoned, { recursive: true });
  await expect(resolveArtefacts('kafka', { cache })).rejects.toMatchObject({
    code: 'TIDEMARK_INFRA_ARTEFACTS',
    retryable: true,
    message: expect.stringContaining('Could not transfer artifact'),
  });
  expect(existsSync(abandoned)).toBe(false);
  expect(readdirSync(cache)).toEqual([]);
  mavenDoes('echo jar > "$out/a.jar"');
  expect(readdirSync(await resolveArtefacts('kafka', { cache }))).toEqual(['a.jar']);
});
