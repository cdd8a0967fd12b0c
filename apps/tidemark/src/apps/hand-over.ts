import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type AppName, appEntry, appFlags } from './app-entry.ts';

/** Exit codes of a process that a signal ended, as shells count them. */
const SIGNAL_CODES: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Lets an app's command speak for itself: its input, output and exit code are ours. */
export async function handOver(app: AppName, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = fork(appEntry(app), [...args], {
    env,
    execArgv: appFlags(),
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // A Ctrl-C reaches it as well; it decides when both end.
  process.on('SIGINT', () => {});
  for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => child.kill(name));
  const [code, signal] = await once(child, 'close');
  if (typeof code === 'number') return code;
  return SIGNAL_CODES[String(signal)] ?? 1;
}
