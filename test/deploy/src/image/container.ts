import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Image } from './image.ts';

/** Like the user `node` of the images: a user that is not root and owns nothing here. */
const NOBODY = { uid: 1000, gid: 1000 };

const canChangeUser =
  process.getuid?.() === 0 && spawnSync(process.execPath, ['--version'], { ...NOBODY, cwd: '/' }).status === 0;

/** The ids that containers run under; null when this is not root, and they run as we do. */
export const containerUser = canChangeUser ? NOBODY : null;

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** A process as a container of the image would have it: its command, its environment and nobody's rights. */
export class Container {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  constructor(image: Image, args: readonly string[], env: Readonly<Record<string, string>>, input = '') {
    const [file = '', ...first] = image.entrypoint;
    this.#child = startIn(image, file === 'node' ? process.execPath : file, [...first, ...args], env);
    this.#child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      this.#stdout += part;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      this.#stderr += part;
    });
    this.#child.stdin?.end(input);
    this.#ended = once(this.#child, 'close').then(() => ({
      code: this.#child.exitCode,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  get said(): string {
    return this.#stderr;
  }

  /** Resolves when it has ended by itself. */
  ended(): Promise<Ended> {
    return this.#ended;
  }

  /** As `docker stop`. */
  stop(): Promise<Ended> {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Whether the image's own HEALTHCHECK is content. */
export async function isHealthy(image: Image, env: Readonly<Record<string, string>>): Promise<boolean> {
  const [file = '', ...args] = image.healthcheck ?? [];
  const child = startIn(image, file === 'node' ? process.execPath : file, args, env);
  const [code] = await once(child, 'close');
  return code === 0;
}

const startIn = (image: Image, file: string, args: readonly string[], env: Readonly<Record<string, string>>) =>
  spawn(file, args, {
    cwd: image.folder,
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...image.environment, ...env },
    ...containerUser,
  });
