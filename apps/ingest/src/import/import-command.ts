import { readFile } from 'node:fs/promises';
import { openCatalog } from '@tidemark/catalog';
import { openStorage } from '@tidemark/lake/open';
import { define } from '@tidemark/metrics';
import { applyOptions, readOptions, systemClock } from '@tidemark/runtime';
import { Command, Option } from 'commander';
import { IngestError } from '../error.ts';
import { importFile } from './import-file.ts';
import { SOURCE_NAMES } from './import-source.ts';
import { describeSummary } from './import-summary.ts';
import { FILE_FORMATS, type FileFormat, inspectFile } from './input-file.ts';
import { createMapping, type MappingFile, parseMapFlag, parseMappingFile } from './mapping.ts';
import { progressBar } from './progress-bar.ts';

export const IMPORT_SETTINGS = ['lakeUrl', 'catalogUrl', 'currency', 'engineMemory', 'engineThreads'] as const;

type ImportFlags = {
  readonly source?: string;
  readonly map: readonly string[];
  readonly mapping?: string;
  readonly groupBy?: string;
  readonly timezone?: string;
  readonly dateFormat?: string;
  readonly format?: FileFormat;
  readonly delimiter?: string;
  readonly dryRun?: true;
  readonly json?: true;
};

const HELP = `
EXPR is one SQL expression over the file's columns: a name, "a name with spaces", constants, CASE, CAST, operators and
plain functions. Columns are text; in arithmetic and beside numbers they are exact decimals. x / 100 is written x * 0.01.
Amounts are rounded once, half away from zero. Times without a zone are of --timezone; one that the clocks' change leaves
out is read an hour later, one that comes twice is the second.

Examples:
  tidemark import orders.csv --source orders --map order_id=Id --map customer_id=Client \\
    --map total_amount=Total --map order_date=Day
  tidemark import lines.csv.gz --source orders --group-by order_id --map order_id=Receipt --map customer_id=Client \\
    --map "total_amount=abs(Pieces)*Price" --map order_date=Day --timezone Europe/Berlin --dry-run
  tidemark import events.ndjson --source events

Exit codes: 0 the file was imported, rows that were turned away are in the summary and in the quarantine;
1 nothing was imported.`;

/** `import FILE`. */
export function importCommand(): Command {
  const command = new Command('import')
    .description('Import a file of history into the lake; the next generation shows it.')
    .argument('<file>', 'CSV, TSV, NDJSON or Parquet, gzipped or not')
    .addOption(new Option('--source <name>', 'what the rows are').choices([...SOURCE_NAMES]))
    .option(
      '--map <field=EXPR>',
      'a field and what it is made of; may be repeated',
      (flag, all: readonly string[]) => [...all, flag],
      [],
    )
    .option('--mapping <file>', 'the same as JSON: {source, map, group_by, timezone, date_format}; flags win over it')
    .option('--group-by <field>', 'one row of all lines with the same value: amounts summed, earliest date')
    .option('--timezone <tz>', 'IANA zone of times without one (default UTC)')
    .option('--date-format <fmt>', "strptime format of dates that are not ISO, such as '%d/%m/%Y %H:%M'")
    .addOption(new Option('--format <format>', 'when the name of the file does not say it').choices([...FILE_FORMATS]))
    .option('--delimiter <char>', 'between the fields of a CSV file (default , or a tab for TSV)')
    .option('--dry-run', 'write nothing: show ten rows and the counts')
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', HELP);
  return applyOptions(command, IMPORT_SETTINGS).action(async (file: string, flags: ImportFlags) => {
    await runImport(file, flags);
  });
}

async function runImport(path: string, flags: ImportFlags): Promise<void> {
  const isDry = flags.dryRun === true;
  const options = readOptions(IMPORT_SETTINGS, {
    env: process.env,
    flags,
    required: isDry ? ['lakeUrl'] : ['lakeUrl', 'catalogUrl'],
  });
  const mapping = createMapping(await mergeMapping(flags));
  const file = await inspectFile(path, { format: flags.format, delimiter: flags.delimiter });
  const storage = await openStorage(options.lakeUrl ?? '');
  const catalog = isDry ? null : await openCatalog(options.catalogUrl ?? '');
  const bar = progressBar(process.stderr);
  try {
    const summary = await importFile(
      {
        storage,
        catalog,
        definition: define(options.currency),
        clock: systemClock,
        limits: { memoryLimit: options.engineMemory, threads: options.engineThreads },
        onProgress: bar.onProgress,
      },
      file,
      mapping,
    );
    bar.stop();
    process.stdout.write(`${flags.json ? JSON.stringify(summary) : describeSummary(summary)}\n`);
  } finally {
    bar.stop();
    await catalog?.close();
  }
}

async function mergeMapping(flags: ImportFlags): Promise<MappingFile> {
  const file = flags.mapping === undefined ? {} : parseMappingFile(await readMapping(flags.mapping), flags.mapping);
  return {
    ...file,
    ...(flags.source === undefined ? {} : { source: flags.source }),
    ...(flags.groupBy === undefined ? {} : { group_by: flags.groupBy }),
    ...(flags.timezone === undefined ? {} : { timezone: flags.timezone }),
    ...(flags.dateFormat === undefined ? {} : { date_format: flags.dateFormat }),
    map: { ...file.map, ...Object.fromEntries(flags.map.map(parseMapFlag)) },
  };
}

async function readMapping(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new IngestError('TIDEMARK_INGEST_MAPPING', `The mapping file ${path} can't be read.`, { cause });
  }
}
