import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '@tidemark/embedded-postgres';
import { measure, type Result } from './bench.ts';
import { BENCHES } from './benches.ts';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    scale: { type: 'string', default: '1' },
  },
});
const scale = Number(flags.scale);
const chosen = BENCHES.filter(({ name }) => flags.only === undefined || flags.only.includes(name));
if (!(scale > 0) || chosen.length === 0) {
  const names = BENCHES.map(({ name }) => name).join(', ');
  process.stderr.write(`usage: npm run bench -- [--only NAME]… [--scale 0.1] [--json FILE]\nbenches: ${names}\n`);
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-'));
const server = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), temporary: true });
const results: Result[] = [];
try {
  for (const bench of chosen) {
    process.stderr.write(`${bench.name} …\n`);
    const database = () => server.createDatabase(`bench_${randomBytes(6).toString('hex')}`);
    results.push(await measure(bench, { database, folder, scale }));
  }
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
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
