import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { packagedByMaven } from './maven-project.ts';

let folder = '';
let cache = '';
let project = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-maven-'));
  cache = join(folder, 'cache');
  project = join(folder, 'duck');
  mkdirSync(join(project, 'src', 'main'), { recursive: true });
  writeFileSync(join(project, 'pom.xml'), '<project/>');
  writeFileSync(join(project, 'src', 'main', 'Duck.java'), 'class Duck {}');
  vi.stubEnv('PATH', [join(folder, 'bin'), process.env.PATH].join(delimiter));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Puts a Maven on the path that runs these lines of shell, with the folder to build into as `$out`. */
function mavenDoes(script: string): void {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const out = `out=$(printf '%s\\n' "$@" | sed -n 's/^-Dout=//p')`;
  const lines = ['#!/bin/sh', '[ "$1" = --version ] && exit 0', out, script];
  writeFileSync(join(folder, 'bin', 'mvn'), `${lines.join('\n')}\n`, { mode: 0o755 });
}

test('a project is built once, and again when its source or its pom is another one', async () => {
  mavenDoes('echo jar > "$out/duck.jar"');
  const built = await packagedByMaven(project, { cache });
  expect(built).toMatch(/maven-duck-[0-9a-f]{8}$/);
  expect(readFileSync(join(built, 'duck.jar'), 'utf8')).toBe('jar\n');
  mavenDoes('exit 1');
  expect(await packagedByMaven(project, { cache })).toBe(built);
  mavenDoes('echo other > "$out/duck.jar"');
  writeFileSync(join(project, 'src', 'main', 'Duck.java'), 'class Duck { int legs; }');
  const rebuilt = await packagedByMaven(project, { cache });
  expect(rebuilt).not.toBe(built);
  writeFileSync(join(project, 'pom.xml'), '<project></project>');
  expect(await packagedByMaven(project, { cache })).not.toBe(rebuilt);
});

test('a build that failed says why', async () => {
  mavenDoes('echo "legs: cannot find symbol"; exit 1');
  await expect(packagedByMaven(project, { cache })).rejects.toMatchObject({
    code: 'TIDEMARK_INFRA_ARTEFACTS',
    message: expect.stringContaining('cannot find symbol'),
  });
});
