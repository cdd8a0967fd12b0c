import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** One process of the system, as it was built, or of a baseline, from source. */
export class AppProcess {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** Resolves when it says that it is ready; `url` is where it says that it answers, if it does. */
  static async start(module: string, env: Readonly<Record<string, string>>): Promise<AppProcess> {
    const child = fork(fileURLToPath(module), [], {
      execArgv: [...process.execArgv, ...(module.endsWith('.ts') ? ['--import', 'tsx'] : [])],
      env: { ...process.env, TIDEMARK_LOG_LEVEL: 'warn', ...env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${module} ended with ${code} before it was ready`);
    });
    const ready = (async () => {
      for (;;) {
        const [message] = await once(child, 'message');
        if (message?.type === 'ready') return String(message.url ?? '');
      }
    })();
    return new AppProcess(child, await Promise.race([ready, ended]));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the process was never started');
    return this.#child.pid;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}

/** The entry of an app, where it is in the workspace. */
export const appMain = (name: 'batch-layer' | 'ingest' | 'serving-layer' | 'speed-layer'): string =>
  import.meta.resolve(`@tidemark/${name}/main`);
