import { findServers } from './find.ts';
import type { ServerName } from './shipped.ts';
import { TITLES } from './titles.ts';

/** Ends what runs of these servers; resolves when it is gone. */
export async function down({ folder, only }: { folder: string; only: readonly ServerName[] }): Promise<void> {
  const end = async (server: ServerName) => {
    const cluster = findServers(folder, server);
    const { length } = cluster?.pids ?? [];
    await cluster?.stop();
    process.stdout.write(`  ✓ ${TITLES[server].padEnd(12)} ${length === 0 ? 'did not run' : `${length} ended`}\n`);
  };
  await Promise.all(only.map(end));
}
