import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findPython, InfraError, pythonWith } from '@tidemark/infra-local';

const run = promisify(execFile);

/** Cassandra's own tools, as people install them. */
const REQUIREMENTS = fileURLToPath(new URL('../cassandra-tools/requirements.txt', import.meta.url));

export type PythonTools = {
  /** What `cqlsh -e` prints. */
  cqlsh(node: string, cql: string): Promise<string>;
  /** What a script prints. */
  python(script: string, ...args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
};

/** Null where Python can make environments; in CI that it can't is an error. */
export function whyNoPython(): string | null {
  try {
    findPython();
    return null;
  } catch (error) {
    if (process.env.CI || !(error instanceof InfraError)) throw error;
    return error.message;
  }
}

export async function installPythonTools(): Promise<PythonTools> {
  const python = await pythonWith(REQUIREMENTS);
  // cqlsh keeps a history in it.
  const home = await mkdtemp(join(tmpdir(), 'tidemark-python-'));
  const printed = async (args: readonly string[]) =>
    (await run(python, [...args], { env: { ...process.env, HOME: home }, maxBuffer: 16 * 2 ** 20 })).stdout;
  return {
    cqlsh: (node, cql) => printed([join(dirname(python), 'cqlsh'), ...node.split(':'), '--no-color', '-e', cql]),
    python: (script, ...args) => printed(['-c', script, ...args]),
    remove: () => rm(home, { recursive: true, force: true }),
  };
}
