import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findJava, findMaven } from './java.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-java-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder with a `bin/java` that says it is of this version. */
function javaOf(version: string): string {
  const home = join(folder, version);
  mkdirSync(join(home, 'bin'), { recursive: true });
  const java = join(home, 'bin', 'java');
  writeFileSync(java, `#!/bin/sh\necho 'openjdk version "${version}" 2025-01-01' >&2\n`);
  chmodSync(java, 0o755);
  return home;
}

const [java8, java17, java25] = [javaOf('1.8.0_402'), javaOf('17.0.15'), javaOf('25.0.1')];
const path = (home: string): string => join(home, 'bin');

test('without Java the message says what is needed and how to get it', () => {
  expect(() => findJava({ PATH: folder }, [])).toThrow(
    expect.objectContaining({
      code: 'TIDEMARK_INFRA_TOOLS',
      message: expect.stringMatching(/Java 17 to 23, and none was found.*apt-get install .*brew install /s),
    }),
  );
});

test('a Java that is too old or too new is named, not run', () => {
  expect(() => findJava({ PATH: path(java8), JAVA_HOME: java25 }, [])).toThrow(/only 25 and 8 was found/);
});

test('JAVA_HOME comes before the path, and both before what is installed elsewhere', () => {
  const homes = [{ folder, java: 'bin/java' }];
  expect(findJava({ PATH: path(java25), JAVA_HOME: java17 }, [])).toBe(join(java17, 'bin', 'java'));
  expect(findJava({ PATH: path(java17) }, [])).toBe('java');
  expect(findJava({ PATH: path(java8) }, homes)).toBe(join(java17, 'bin', 'java'));
});

test('without Maven the message says how to get it', () => {
  expect(() => findMaven({ PATH: folder })).toThrow(expect.objectContaining({ code: 'TIDEMARK_INFRA_TOOLS' }));
  symlinkSync('/bin/true', join(folder, 'mvn'));
  expect(findMaven({ PATH: folder })).toBe('mvn');
});
