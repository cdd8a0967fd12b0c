import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ArtefactOptions } from './artefacts.ts';
import { cachedFolder } from './cached-folder.ts';
import { InfraError } from './error.ts';

const run = promisify(execFile);

const HOW_TO_GET = 'Debian, Ubuntu: apt-get install python3-venv; macOS: brew install python';

/** The version of a Python 3 that can make environments. Throws `TIDEMARK_INFRA_TOOLS` that says how to get one. */
export function findPython(): string {
  const { status, stdout, error } = spawnSync('python3', ['-c', 'import venv, ensurepip, sys; print(sys.version)'], {
    encoding: 'utf8',
  });
  if (status === 0) return stdout.trim();
  throw new InfraError(
    'TIDEMARK_INFRA_TOOLS',
    `Python 3 with venv is missing${error ? ` (${error.message})` : ''}. ${HOW_TO_GET}`,
  );
}

/**
 * A Python that has the packages of a requirements file, installed by pip at first: the path of its executable. One
 * environment for each content of the file and version of Python, named after the file's folder. Throws
 * `TIDEMARK_INFRA_TOOLS` without Python, `TIDEMARK_INFRA_ARTEFACTS` with pip's words when it failed.
 */
export async function pythonWith(requirements: string, options: ArtefactOptions = {}): Promise<string> {
  const { say = () => {}, cache, signal } = options;
  const folder = await cachedFolder(
    nameOf(requirements),
    async (making) => {
      say(`installing ${requirements} with pip, once`);
      const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
      try {
        await run('python3', ['-m', 'venv', making], { signal });
        await run(pythonIn(making), install, { signal });
      } catch (cause) {
        signal?.throwIfAborted();
        const message = `pip could not install ${requirements}: ${cause}`;
        throw new InfraError('TIDEMARK_INFRA_ARTEFACTS', message, { cause, retryable: true });
      }
    },
    cache,
  );
  return pythonIn(folder);
}

function nameOf(requirements: string): string {
  const hash = createHash('sha256').update(findPython()).update(readFileSync(requirements)).digest('hex').slice(0, 8);
  return `python-${basename(dirname(requirements))}-${hash}`;
}

/** This one finds the environment it lies in, wherever that was moved; an environment's scripts name where it was made. */
const pythonIn = (folder: string): string => join(folder, 'bin', 'python');
