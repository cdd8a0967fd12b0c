import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { Cluster } from '../cluster.ts';
import { InfraError } from '../error.ts';
import type { ServerName } from '../shipped.ts';
import type { StartOptions } from '../start-options.ts';
import type {} from './provided.ts';

/**
 * Provides one server to a vitest run: the one named by the environment, which `npm test` starts once for all suites,
 * else one of this run's own. Where Java or Maven is missing it provides null and says so; in CI that is an error.
 */
export async function provideServer(
  project: TestProject,
  server: ServerName,
  start: (options: StartOptions) => Promise<Cluster>,
): Promise<() => Promise<void>> {
  const given = process.env[`TIDEMARK_TEST_${server.toUpperCase()}`];
  if (given) {
    project.provide(server, given);
    return async () => {};
  }
  const folder = mkdtempSync(join(tmpdir(), `tidemark-test-${server}-`));
  try {
    const say = (text: string) => process.stderr.write(`${text} …\n`);
    const cluster = await start({ folder, temporary: true, say });
    project.provide(server, cluster.addresses[0] ?? null);
    return () => cluster.stop();
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const isMissing = error instanceof InfraError && error.code === 'TIDEMARK_INFRA_TOOLS';
    if (!isMissing || process.env.CI === 'true' || process.env.CI === '1') throw error;
    process.stderr.write(`\nSKIPPED: every test with ${server}. ${error.message}\n\n`);
    project.provide(server, null);
    return async () => {};
  }
}
