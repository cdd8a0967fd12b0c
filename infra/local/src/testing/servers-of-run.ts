/*
 * A program for `npm test`: starts one Kafka and one Cassandra for all of its suites, says on stdout where they are, as one
 * line of JSON, and ends them when it gets a SIGTERM. What can't be had is null, with the reason; so it is said, not thrown.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCassandra } from '../cassandra/start.ts';
import type { Cluster } from '../cluster.ts';
import { InfraError } from '../error.ts';
import { startKafka } from '../kafka/start.ts';
import type { ServerName } from '../shipped.ts';
import type { StartOptions } from '../start-options.ts';

const stopped = new Promise<void>((done) => {
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(name, () => done());
});

const starters: Readonly<Record<ServerName, (options: StartOptions) => Promise<Cluster>>> = {
  kafka: startKafka,
  cassandra: (options) => startCassandra({ ...options, commitlogSync: 'periodic' }),
};

/** `problem` is null when it runs; `isMissing` tells tools that are not installed from a start that failed. */
async function start(server: ServerName) {
  const folder = mkdtempSync(join(tmpdir(), `tidemark-test-${server}-`));
  const began = performance.now();
  const say = (text: string) => process.stderr.write(`${text} …\n`);
  try {
    const cluster = await starters[server]({ folder, temporary: true, say });
    say(`${server} answers after ${((performance.now() - began) / 1000).toFixed(0)} s`);
    void stopped.then(() => cluster.stop());
    return { server, address: cluster.addresses[0], problem: null, isMissing: false };
  } catch (error) {
    const isMissing = error instanceof InfraError && error.code === 'TIDEMARK_INFRA_TOOLS';
    return { server, address: null, problem: error instanceof Error ? error.message : String(error), isMissing };
  }
}

const servers = await Promise.all([start('kafka'), start('cassandra')]);
process.stdout.write(`${JSON.stringify({ servers })}\n`);
// The servers don't hold the process.
const hold = setInterval(() => {}, 60_000);
await stopped;
clearInterval(hold);
