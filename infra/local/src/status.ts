import { findServers } from './find.ts';
import type { ServerName } from './shipped.ts';
import { TITLES } from './titles.ts';

/** Says of each server whether it answers. The exit code is 0 when all do. */
export async function status({ folder, only }: { folder: string; only: readonly ServerName[] }): Promise<void> {
  for (const server of only) {
    const nodes = findServers(folder, server)?.nodes ?? [];
    if (nodes.length === 0) say(server, 'never started here', false);
    for (const node of nodes) {
      const running = node.process;
      const why = running === null ? 'does not run' : await failureOf(node.check());
      const state = why === null ? 'answers' : running === null ? why : `does not answer: ${why}`;
      say(
        server,
        `${node.address}  ${state}${running === null ? '' : `, process ${running.pid}`}, log in ${node.log}`,
        why === null,
      );
    }
  }
}

function say(server: ServerName, text: string, isWell: boolean): void {
  process.stdout.write(`  ${isWell ? '✓' : '✗'} ${TITLES[server].padEnd(12)} ${text}\n`);
  if (!isWell) process.exitCode = 1;
}

async function failureOf(check: Promise<void>): Promise<string | null> {
  try {
    await check;
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
