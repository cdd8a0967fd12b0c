import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Cassandra's own tools, as people install them: in a folder that is gone with the test. */
const PACKAGES = ['cqlsh==6.2.2', 'cassandra-driver==3.30.1'];

export type PythonTools = {
  /** What `cqlsh -e` prints. */
  cqlsh(node: string, cql: string): Promise<string>;
  /** What a script prints. */
  python(script: string, ...args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
};

/** Null where Python can't make environments; in CI that is an error. */
export function whyNoPython(): string | null {
  const { status, error } = spawnSync('python3', ['-c', 'import venv, ensurepip'], { stdio: 'ignore' });
  if (status === 0) return null;
  const why = `Python 3 with venv is missing (Debian: apt-get install python3-venv)${error ? `: ${error.message}` : ''}`;
  if (process.env.CI) throw new Error(why);
  return why;
}

export async function installPythonTools(): Promise<PythonTools> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-python-'));
  const bin = (name: string) => join(folder, 'bin', name);
  await run('python3', ['-m', 'venv', folder]);
  await run(bin('pip'), ['install', '--quiet', '--disable-pip-version-check', ...PACKAGES]);
  const printed = async (file: string, args: readonly string[]) =>
    (await run(file, [...args], { env: { ...process.env, HOME: folder }, maxBuffer: 16 * 2 ** 20 })).stdout;
  return {
    cqlsh: (node, cql) => printed(bin('cqlsh'), [...node.split(':'), '--no-color', '-e', cql]),
    python: (script, ...args) => printed(bin('python'), ['-c', script, ...args]),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
