import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '@tidemark/embedded-postgres';
import { InfraError, startCassandra, startKafka } from '@tidemark/infra-local';
import { type Bench, type Goal, measure, type Place, type Result } from './bench.ts';
import { benchesOn } from './benches.ts';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    on: { type: 'string' },
  },
});
const scale = Number(flags.scale);
const rounds = Number(flags.rounds);
const onServers = flags.on === 'kafka,cassandra';
const there = benchesOn(onServers);
const chosen = there.filter(({ name }) => flags.only === undefined || flags.only.includes(name));
if (
  !(scale > 0) ||
  !(Number.isSafeInteger(rounds) && rounds > 0) ||
  chosen.length === 0 ||
  (flags.on !== undefined && !onServers)
) {
  const names = there.map(({ name }) => name).join(', ');
  process.stderr.write(
    `usage: npm run bench -- [--only NAME]… [--on kafka,cassandra] [--scale 0.1] [--rounds 3] [--json FILE]\nbenches: ${names}\n`,
  );
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-'));
const servers: { stop(): Promise<unknown> }[] = [];
const results: Result[] = [];
try {
  const place = await startPlace();
  for (const bench of await prepared()) {
    process.stderr.write(`${bench.name} …\n`);
    const measured = await measure(bench, place, rounds);
    // A run that is ended before it is over has not been for nothing.
    for (const { name, value, baseline, unit } of measured)
      process.stderr.write(`  ${name}: ${number(value)} ${unit}, ${number(baseline)}\n`);
    results.push(...measured);
  }
} finally {
  for (const server of servers.reverse()) await server.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Those that can run: without what a peer needs its bench is left out, or an error when it was asked for. */
async function prepared(): Promise<readonly Bench[]> {
  const able: Bench[] = [];
  for (const bench of chosen) {
    try {
      await bench.peer?.prepare();
      able.push(bench);
    } catch (error) {
      if (flags.only !== undefined || !(error instanceof InfraError)) throw error;
      process.stderr.write(`SKIPPED: ${bench.name}. ${error.message}\n`);
    }
  }
  return able;
}

/** Starts the servers that are asked for, in the folder. */
async function startPlace(): Promise<Place> {
  const fresh = () => `bench_${randomBytes(6).toString('hex')}`;
  const postgres = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), temporary: true });
  servers.push(postgres);
  const database = () => postgres.createDatabase(fresh());
  let folders = 0;
  const newFolder = async () => {
    const path = join(folder, `bench-${folders++}`);
    await mkdir(path);
    return path;
  };
  if (!onServers) return { database, log: database, views: database, folder: newFolder, scale };
  const kafka = await startKafka({ folder: join(folder, 'kafka') });
  servers.push(kafka);
  // As production has it: an acknowledged row is on disk.
  const cassandra = await startCassandra({ folder: join(folder, 'cassandra'), heapMb: 2048 });
  servers.push(cassandra);
  return {
    database,
    log: async () => `kafka://${kafka.brokers.join(',')}/${fresh()}`,
    views: async () => `cassandra://${cassandra.contactPoints.join(',')}?dc=datacenter1&keyspace=${fresh()}&rf=1`,
    folder: newFolder,
    scale,
  };
}

/** Three digits or more that say something. */
function number(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 });
}

const goalText = ({ of, is, than }: Goal, unit: string) =>
  `${is} ${of === 'ratio' ? `${Number(than.toFixed(2))} ×` : `${number(than)} ${unit}`}`;

const rows = results.map(({ name, value, unit, baseline, against, ratio, goal, met }) => [
  name,
  number(value),
  unit,
  number(baseline),
  against,
  ratio.toFixed(2),
  goalText(goal, unit),
  met ? 'yes' : 'NO',
]);
const table = [['name', 'value', 'unit', 'baseline', 'of', 'ratio', 'goal', 'met'], ...rows];
const widths = table[0]?.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0))) ?? [];
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
const measuredAt = new Date().toISOString();
process.stdout.write(`${machine}, ${measuredAt}, scale ${scale}, medians of at most ${rounds}\n`);
for (const row of table)
  process.stdout.write(
    `${row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd()}\n`,
  );
if (flags.json !== undefined) {
  const entries = results.map((result) => ({
    ...result,
    goal: goalText(result.goal, result.unit),
    scale,
    machine,
    measuredAt,
  }));
  await writeFile(flags.json, `${JSON.stringify(entries, null, 2)}\n`);
}
