/*
 * A program for `npm test`: starts one Kafka and one Cassandra (or those named by its arguments) for all of its suites, says
 * on stdout where they are, as one line of JSON, and ends them when it gets a SIGTERM. What can't be had has no address, and
 * the reason beside it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCassandra } from '../cassandra/start.ts';
import type { Cluster } from '../cluster.ts';
import { InfraError } from '../error.ts';
import { startKafka } from '../kafka/start.ts';
import { SERVERS, type ServerName } from '../shipped.ts';
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
    return { server, address: cluster.addresses[0], pids: cluster.pids, folder, problem: null, isMissing: false };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const isMissing = error instanceof InfraError && error.code === 'TIDEMARK_INFRA_TOOLS';
    return { server, address: null, problem: error instanceof Error ? error.message : String(error), isMissing };
  }
}

const named = process.argv.slice(2);
const servers = await Promise.all(SERVERS.filter((name) => named.length === 0 || named.includes(name)).map(start));
process.stdout.write(`${JSON.stringify({ servers })}\n`);
// The servers don't hold the process.
const hold = setInterval(() => {}, 60_000);
await stopped;
clearInterval(hold);
