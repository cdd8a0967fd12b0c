import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { copyBuildContext } from './build-context.ts';
import { all, environment, only, readDockerfile, type Stage } from './dockerfile.ts';

/** What a container of an image would be: its files in a folder here, and how it is run. */
export type Image = {
  readonly folder: string;
  readonly entrypoint: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string;
  /** The command of HEALTHCHECK; null without one. */
  readonly healthcheck: readonly string[] | null;
};

const command = z.array(z.string());
const COPIED = /^--from=build \/app\/(\S+) \.\/(\S*)$/;

/**
 * Builds what the Dockerfile says, without containers: the build stage's own commands, in a folder that holds the build's
 * context and nothing else, with /app in `folder`; then what the final stage copies from there.
 */
export async function buildImage(root: string, dockerfile: string, folder: string): Promise<Image> {
  const [build, final, ...others] = readDockerfile(join(root, dockerfile));
  if (build?.name !== 'build' || final === undefined || others.length > 0) {
    throw new Error(`${dockerfile} has other stages than build and the final one`);
  }
  const workspace = join(folder, 'workspace');
  const app = join(folder, 'app');
  copyBuildContext(root, workspace);
  if (only(build, 'COPY') !== '. .') throw new Error(`${dockerfile} copies something else than its whole context`);
  for (const run of all(build, 'RUN')) {
    await execute(run.replaceAll('/app', app), workspace, {
      ...environment(build),
      // What the workspace's own build made from the same inputs need not be made again.
      TURBO_CACHE_DIR: join(root, '.turbo', 'cache'),
    });
  }
  return { folder: assemble(final, app, join(folder, 'image')), ...configuration(final) };
}

function assemble(final: Stage, app: string, to: string): string {
  mkdirSync(to);
  for (const copy of all(final, 'COPY')) {
    const [, from, name] = COPIED.exec(copy) ?? [];
    if (from === undefined || name === undefined) throw new Error(`COPY ${copy} is of another form`);
    cpSync(join(app, from), join(to, name === '' ? from : name), { recursive: true, verbatimSymlinks: true });
  }
  chmodSync(to, 0o755);
  return to;
}

function configuration(final: Stage): Omit<Image, 'folder'> {
  const [healthcheck] = all(final, 'HEALTHCHECK');
  return {
    entrypoint: command.parse(JSON.parse(only(final, 'ENTRYPOINT'))),
    environment: environment(final),
    user: only(final, 'USER'),
    healthcheck:
      healthcheck === undefined ? null : command.parse(JSON.parse(healthcheck.slice(healthcheck.indexOf('CMD ') + 4))),
  };
}

async function execute(shell: string, cwd: string, env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn('sh', ['-c', shell], {
    cwd,
    env: { ...outerEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => said.push(part));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`RUN ${shell} ended with ${code}\n${Buffer.concat(said)}`);
}

/** Without what the test run itself adds: packages come from where the machine gets them. */
export const outerEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TIDEMARK_|VITEST|NODE_ENV$)/.test(name)));
