import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { pythonWith } from './python.ts';

let folder = '';
let cache = '';
let requirements = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-python-'));
  cache = join(folder, 'cache');
  requirements = join(folder, 'duck', 'requirements.txt');
  mkdirSync(join(folder, 'duck'));
  writeFileSync(requirements, 'duck==1.0.0\n');
  vi.stubEnv('PATH', [join(folder, 'bin'), '/usr/bin', '/bin'].join(':'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Puts a Python on the path whose environments have a `python` that runs these lines of shell in place of pip. */
function pipDoes(script: string): void {
  mkdirSync(join(folder, 'bin'));
  const environment = `mkdir -p "$3/bin"; printf '#!/bin/sh\\n%s\\n' '${script}' > "$3/bin/python"; chmod +x "$3/bin/python"`;
  const python = join(folder, 'bin', 'python3');
  writeFileSync(python, `#!/bin/sh\nif [ "$1" = -c ]; then echo 3.99; else ${environment}; fi\n`);
  chmodSync(python, 0o755);
}

test('packages are installed once, and again when other ones are listed', async () => {
  pipDoes(`echo "$@" >> "${join(folder, 'runs')}"`);
  const python = await pythonWith(requirements, { cache });
  expect(python).toMatch(/python-duck-[0-9a-f]{8}\/bin\/python$/);
  expect(await pythonWith(requirements, { cache })).toBe(python);
  expect(readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n')).toHaveLength(1);
  writeFileSync(requirements, 'duck==1.0.1\n');
  expect(await pythonWith(requirements, { cache })).not.toBe(python);
});

test('an installation that failed says why', async () => {
  pipDoes('echo no such duck >&2; exit 1');
  await expect(pythonWith(requirements, { cache })).rejects.toMatchObject({
    code: 'TIDEMARK_INFRA_ARTEFACTS',
    message: expect.stringContaining('no such duck'),
  });
});

test('without Python the message says how to get it', async () => {
  vi.stubEnv('PATH', folder);
  await expect(pythonWith(requirements, { cache })).rejects.toMatchObject({
    code: 'TIDEMARK_INFRA_TOOLS',
    message: expect.stringContaining('python3-venv'),
  });
});
