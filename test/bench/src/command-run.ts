import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const LOOK_EVERY_MS = 20;

/** Runs one command of an app to its end. `look` is called all the time while it lives. */
export async function runCommand(
  module: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  look: (pid: number) => void = () => {},
): Promise<void> {
  const child = fork(fileURLToPath(module), args, {
    env: { ...process.env, TIDEMARK_LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaints = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4_000);
  });
  const timer = setInterval(() => {
    if (child.pid !== undefined) look(child.pid);
  }, LOOK_EVERY_MS);
  try {
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${module} ${args.join(' ')} ended with ${code}:\n${complaints}`);
  } finally {
    clearInterval(timer);
  }
}
