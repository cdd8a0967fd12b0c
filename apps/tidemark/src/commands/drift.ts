import { applyOptions } from '@tidemark/runtime';
import type { Command } from 'commander';
import { z } from 'zod';
import { askFor } from '../api.ts';
import { count } from '../console/quantity.ts';
import { table } from '../console/table.ts';
import { apiOf, findSystem, SYSTEM_OPTIONS } from '../system.ts';

type Flags = { readonly limit: string; readonly json: boolean };

const head = z.object({
  generation: z.int(),
  status: z.enum(['measured', 'not measured']),
  reason: z.string().nullable(),
  base: z.int().nullable(),
  as_of: z.string(),
  measured_at: z.string(),
  compared: z.int(),
  differing: z.int(),
  causes: z.record(z.string(), z.int()),
});
const page = z.object({ drifts: z.array(head), next_cursor: z.string().nullable() });

const figures = { customers: z.int(), total: z.string().nullable(), largest: z.string().nullable() };
const place = z.union([
  z.object({ partition: z.int(), offset: z.string() }),
  z.object({ import: z.int(), row: z.string() }),
]);
const example = z.object({
  customer_id: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  events: z.array(z.object({ event_id: z.string(), source: z.string(), kind: z.string(), key: z.string(), at: place })),
});
const cause = z.object({ cause: z.string(), ...figures, examples: z.array(example) });
const whole = head.extend({
  metrics: z.array(z.object({ metric: z.string(), unit: z.string(), ...figures, causes: z.array(cause) })),
});
type Head = z.output<typeof head>;
type Whole = z.output<typeof whole>;
type Place = z.output<typeof place>;

const EXAMPLES = `
After each run: the view that was answered before its generation, held against the generation at the very same cut. What
differs is what the speed layer could not know, by metric and cause. A cause named 'lost' is a defect.

Examples:
  tidemark drift            the newest generations
  tidemark drift 12         what generation 12 corrected: metrics, causes, customers, events
  tidemark drift 12 --json | jq '.metrics[].causes[].examples'

Exit codes: 0 done, 1 something was lost (in the generation asked for, or the newest measured one), or an error.`;

const MAX_PAGE = 500;

export function driftCommand(program: Command): void {
  const command = program
    .command('drift')
    .description('What each generation corrected, and why.')
    .argument('[generation]', 'show this one in full')
    .option('--limit <number>', 'generations to list', '20')
    .option('--json', 'one JSON document on stdout', false)
    .addHelpText('after', EXAMPLES);
  applyOptions(command, SYSTEM_OPTIONS).action((generation: string | undefined, flags: Flags) =>
    generation === undefined ? list(flags) : show(generation, flags),
  );
}

async function list(flags: Flags): Promise<void> {
  const apiUrl = apiOf(findSystem(process.env, flags));
  const drifts: Head[] = [];
  for (let cursor: string | null = ''; cursor !== null && drifts.length < Number(flags.limit); ) {
    const query = new URLSearchParams({ limit: String(Math.min(Number(flags.limit) - drifts.length, MAX_PAGE)) });
    if (cursor !== '') query.set('cursor', cursor);
    const answer: z.output<typeof page> = await askFor(apiUrl, `/v1/drift?${query}`, page);
    drifts.push(...answer.drifts);
    cursor = answer.next_cursor;
  }
  if (isLost(drifts.find(({ status }) => status === 'measured'))) process.exitCode = 1;
  process.stdout.write(flags.json ? `${JSON.stringify({ drifts })}\n` : listText(drifts));
}

async function show(generation: string, flags: Flags): Promise<void> {
  const apiUrl = apiOf(findSystem(process.env, flags));
  const drift = await askFor(apiUrl, `/v1/drift/${encodeURIComponent(generation)}`, whole);
  if (isLost(drift)) process.exitCode = 1;
  process.stdout.write(flags.json ? `${JSON.stringify(drift)}\n` : driftText(drift));
}

const isLost = (drift: Pick<Head, 'causes'> | undefined): boolean => (drift?.causes.lost ?? 0) > 0;

function listText(drifts: readonly Head[]): string {
  if (drifts.length === 0) return '  Nothing measured yet: `tidemark batch run` measures what it corrects.\n';
  const columns = ['generation', 'base', 'compared', 'differing', ''].map((title, index) => ({
    title,
    align: index < 4 ? ('right' as const) : ('left' as const),
  }));
  const rows = drifts.map(({ generation, base, status, reason, compared, differing, causes }) => [
    String(generation),
    base === null ? '–' : String(base),
    ...(status === 'measured' ? [count(compared), count(differing), causesText(causes)] : ['–', '–', reason ?? '']),
  ]);
  return `\n${table(columns, rows)}\n`;
}

const causesText = (causes: Head['causes']): string =>
  Object.entries(causes)
    .map(([name, customers]) => `${name === 'lost' ? 'LOST' : name} ${count(customers)}`)
    .join(', ');

function driftText(drift: Whole): string {
  const { generation, base, status, reason, compared, differing } = drift;
  if (status === 'not measured') return `  The drift of generation ${generation} was not measured: ${reason}.\n`;
  const over = base === null ? 'the deltas before it' : `generation ${base} and its deltas`;
  const first = `\n  Generation ${generation} against ${over}: ${count(differing)} of ${count(compared)} customers differ.\n`;
  if (differing === 0) return first;
  const titles = ['metric', 'cause', 'customers', 'corrected by', 'most', 'such as', 'events'];
  const columns = titles.map((title, index) => ({
    title,
    align: index > 1 && index < 5 ? ('right' as const) : ('left' as const),
  }));
  const rows = drift.metrics.flatMap(({ metric, causes }) =>
    causes.map(({ cause: name, customers, total, largest, examples: [such] }) => [
      metric,
      name === 'lost' ? 'LOST' : name,
      count(customers),
      total ?? '–',
      largest ?? '–',
      such ? `${such.customer_id}: ${JSON.stringify(such.before)} → ${JSON.stringify(such.after)}` : '',
      such ? eventsText(such.events) : '',
    ]),
  );
  return `${first}\n${table(columns, rows)}\n`;
}

function eventsText([
  first,
  ...others
]: Whole['metrics'][number]['causes'][number]['examples'][number]['events']): string {
  if (!first) return '';
  return `${first.event_id} at ${placeText(first.at)}${others.length === 0 ? '' : ` and ${others.length} more`}`;
}

const placeText = (at: Place): string =>
  'partition' in at ? `${at.partition}:${at.offset}` : `import ${at.import}, row ${at.row}`;
