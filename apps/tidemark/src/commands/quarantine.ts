import { openSession } from '@tidemark/duckdb';
import { Lake, openWorkingFolder, type QuarantinedLine } from '@tidemark/lake';
import { openStorage } from '@tidemark/lake/open';
import { applyOptions } from '@tidemark/runtime';
import type { Command } from 'commander';
import { table } from '../console/table.ts';
import { findSystem, SYSTEM_OPTIONS, storesOf } from '../system.ts';

type ListFlags = { readonly import?: string; readonly limit: string; readonly json: boolean };

const EXAMPLES = `
Examples:
  tidemark quarantine list                    the first hundred rows that imports turned away, and why
  tidemark quarantine list --import 3 --json --limit all > rows.ndjson`;

const SHOWN_CHARACTERS = 60;

export function quarantineCommand(program: Command): void {
  const list = program
    .command('quarantine')
    .description('Rows of imported files that did not become events.')
    .addHelpText('after', EXAMPLES)
    .command('list', { isDefault: true })
    .description('By import and line.')
    .option('--import <number>', 'only those of this import')
    .option('--limit <number>', "how many, or 'all'", '100')
    .option('--json', 'NDJSON on stdout, each with its bytes as base64', false);
  applyOptions(list, SYSTEM_OPTIONS).action((flags: ListFlags) => listQuarantine(flags));
}

async function listQuarantine(flags: ListFlags): Promise<void> {
  const { lakeUrl } = storesOf(findSystem(process.env, flags));
  const storage = await openStorage(lakeUrl);
  const folder = await openWorkingFolder(storage, 'quarantine');
  const session = await openSession({ memoryLimit: '256MB', threads: 1, tempFolder: folder.path });
  let left = flags.limit === 'all' ? Number.POSITIVE_INFINITY : Number(flags.limit);
  const rows: string[][] = [];
  try {
    const lake = new Lake(storage, session);
    for (const unit of await lake.imports()) {
      if (flags.import !== undefined && unit.number !== Number(flags.import)) continue;
      for await (const line of lake.quarantined(unit)) {
        if (left <= 0) break;
        left -= 1;
        if (flags.json) process.stdout.write(`${JSON.stringify(asJson(unit.number, unit.name, line))}\n`);
        else rows.push([String(unit.number), unit.name, String(line.line), line.code, line.reason, preview(line)]);
      }
    }
  } finally {
    session.close();
    await folder.remove();
  }
  if (flags.json) return;
  const columns = ['import', 'file', 'line', 'code', 'reason', 'row'].map((title) => ({ title }));
  process.stdout.write(rows.length === 0 ? '  Nothing in quarantine.\n' : `\n${table(columns, rows)}\n`);
}

const asJson = (number: number, file: string, { line, code, reason, raw }: QuarantinedLine) => ({
  import: number,
  file,
  line,
  code,
  reason,
  bytes: Buffer.from(raw).toString('base64'),
});

function preview({ raw }: QuarantinedLine): string {
  const text = Buffer.from(raw).toString('utf8');
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
