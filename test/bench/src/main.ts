import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '@tidemark/embedded-postgres';
import { startCassandra, startKafka } from '@tidemark/infra-local';
import { measure, type Place, type Result } from './bench.ts';
import { BENCHES } from './benches.ts';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    scale: { type: 'string', default: '1' },
    on: { type: 'string' },
  },
});
const scale = Number(flags.scale);
const onServers = flags.on === 'kafka,cassandra';
const there = BENCHES.filter(({ embeddedOnly = false }) => !(onServers && embeddedOnly));
const chosen = there.filter(({ name }) => flags.only === undefined || flags.only.includes(name));
if (!(scale > 0) || chosen.length === 0 || (flags.on !== undefined && !onServers)) {
  const names = there.map(({ name }) => name).join(', ');
  process.stderr.write(
    `usage: npm run bench -- [--only NAME]… [--on kafka,cassandra] [--scale 0.1] [--json FILE]\nbenches: ${names}\n`,
  );
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-'));
const servers: { stop(): Promise<unknown> }[] = [];
const results: Result[] = [];
try {
  const place = await startPlace();
  for (const bench of chosen) {
    process.stderr.write(`${bench.name} …\n`);
    results.push(await measure(bench, place));
  }
} finally {
  for (const server of servers.reverse()) await server.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Starts the servers that are asked for, in the folder. */
async function startPlace(): Promise<Place> {
  const fresh = () => `bench_${randomBytes(6).toString('hex')}`;
  const postgres = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), temporary: true });
  servers.push(postgres);
  const database = () => postgres.createDatabase(fresh());
  if (!onServers) return { database, log: database, views: database, folder, scale };
  const kafka = await startKafka({ folder: join(folder, 'kafka'), temporary: true });
  servers.push(kafka);
  // As production has it: an acknowledged row is on disk.
  const cassandra = await startCassandra({ folder: join(folder, 'cassandra'), temporary: true, heapMb: 2048 });
  servers.push(cassandra);
  return {
    database,
    log: async () => `kafka://${kafka.brokers.join(',')}/${fresh()}`,
    views: async () => `cassandra://${cassandra.contactPoints.join(',')}?dc=datacenter1&keyspace=${fresh()}&rf=1`,
    folder,
    scale,
  };
}

const number = (value: number) => Math.round(value).toLocaleString('en-US');
const rows = results.map((result) => [
  result.name,
  number(result.value),
  result.unit,
  number(result.baseline),
  result.against,
  result.ratio.toFixed(2),
  result.goal.toFixed(2),
  result.met ? 'yes' : 'NO',
]);
const table = [['name', 'value', 'unit', 'baseline', 'of', 'ratio', 'goal', 'met'], ...rows];
const widths = table[0]?.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0))) ?? [];
for (const row of table)
  process.stdout.write(
    `${row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd()}\n`,
  );
if (flags.json !== undefined) {
  const machine = { cores: cpus().length, model: cpus()[0]?.model ?? 'unknown', node: process.version };
  await writeFile(flags.json, `${JSON.stringify({ scale, machine, results }, null, 2)}\n`);
}
