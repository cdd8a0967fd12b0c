import { randomInt } from 'node:crypto';
import { openSession } from '@tidemark/duckdb';
import { Lake, openWorkingFolder } from '@tidemark/lake';
import { openStorage } from '@tidemark/lake/open';
import { openLog } from '@tidemark/log/open';
import { applyOptions } from '@tidemark/runtime';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { table } from '../console/table.ts';
import { apiOf, findSystem, SYSTEM_OPTIONS, type System, storesOf } from '../system.ts';
import { type Difference, type VerifyReport, verify } from '../verify/verify.ts';

type VerifyFlags = {
  readonly sample: string;
  readonly seed?: string;
  readonly strict: boolean;
  readonly json: boolean;
};

/** A 32-bit seed: `hash` of the query engine takes any, people rather type short ones. */
const SEED_LIMIT = 1_000_000;
const SHOWN_ROWS = 40;

const EXAMPLES = `
Reads raw bytes from lake and log, computes each customer naively, and compares with what the HTTP API answers; under
live traffic too. A field that the API calls provisional is not held against it. A field that is right by the merge law,
but that the next generation will correct (a repeat that came too late to be known, an order placed twice), is listed as
pending drift.

Examples:
  tidemark verify                       a thousand customers, others each time
  tidemark verify --sample 50 --seed 7  fifty customers, the same again
  tidemark verify --strict              pending drift is an error too

Exit codes: 0 no difference, 1 a difference (or, with --strict, pending drift), or an error.`;

export function verifyCommand(program: Command): void {
  const command = program
    .command('verify')
    .description('Hold what the API answers against raw history.')
    .option('--sample <number>', 'customers to check at most', '1000')
    .option('--seed <number>', 'which customers; printed, to check the same again')
    .option('--strict', 'exit 1 for pending drift too', false)
    .option('--json', 'one JSON document on stdout', false)
    .addHelpText('after', EXAMPLES);
  applyOptions(command, SYSTEM_OPTIONS).action((flags: VerifyFlags) => run(flags));
}

async function run(flags: VerifyFlags): Promise<void> {
  const seed = flags.seed === undefined ? randomInt(SEED_LIMIT) : Number(flags.seed);
  const report = await verifyOn(findSystem(process.env, flags), Number(flags.sample), seed);
  if (flags.json) process.stdout.write(`${JSON.stringify({ seed, ...report })}\n`);
  else print(report, seed);
  if (report.differences.length > 0 || (flags.strict && report.pending_drift.length > 0)) process.exitCode = 1;
}

async function verifyOn(system: System, sample: number, seed: number): Promise<VerifyReport> {
  const { lakeUrl, logUrl, currency } = storesOf(system);
  const storage = await openStorage(lakeUrl);
  const folder = await openWorkingFolder(storage, 'verify');
  const session = await openSession({ memoryLimit: '512MB', threads: 1, tempFolder: folder.path });
  const log = await openLog(logUrl);
  const bar = process.stderr.isTTY
    ? new SingleBar({
        stream: process.stderr,
        format: '  {bar} {value} of {total} {detail}',
        barsize: 24,
        clearOnComplete: true,
      })
    : null;
  bar?.start(sample, 0, { detail: '' });
  const progress = (detail: string, done: number, total: number) => {
    bar?.setTotal(total);
    bar?.update(done, { detail });
  };
  try {
    return await verify({
      lake: new Lake(storage, session),
      log,
      apiUrl: apiOf(system),
      currency,
      sample,
      seed,
      progress,
    });
  } finally {
    bar?.stop();
    await log.close();
    session.close();
    await folder.remove();
  }
}

function print(report: VerifyReport, seed: number): void {
  const { customers, fields, provisional, differences, pending_drift } = report;
  const found = differences.length === 0 ? 'no difference' : `${differences.length} DIFFERENCES`;
  process.stdout.write(
    `\n  ${customers} customers, ${fields} fields, ${provisional} of them provisional (seed ${seed}): ${found}, ${pending_drift.length} pending drift\n`,
  );
  printRows('Answered otherwise than history says:', differences);
  printRows('Right by the merge law; the next generation will correct:', pending_drift);
}

function printRows(title: string, rows: readonly Difference[]): void {
  if (rows.length === 0) return;
  const columns = ['customer', 'metric', 'answered', 'history says'].map((name) => ({ title: name }));
  const shown = rows
    .slice(0, SHOWN_ROWS)
    .map(({ customer_id, metric, answered, expected }) => [
      customer_id,
      metric,
      JSON.stringify(answered) ?? '',
      JSON.stringify(expected) ?? '',
    ]);
  const more = rows.length > SHOWN_ROWS ? `\n  … and ${rows.length - SHOWN_ROWS} more (--json shows all)` : '';
  process.stdout.write(`\n  ${title}\n\n${table(columns, shown)}${more}\n`);
}
