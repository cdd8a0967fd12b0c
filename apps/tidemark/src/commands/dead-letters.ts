import { applyOptions } from '@tidemark/runtime';
import type { Command } from 'commander';
import { z } from 'zod';
import { askFor } from '../api.ts';
import { table } from '../console/table.ts';
import { apiOf, findSystem, SYSTEM_OPTIONS } from '../system.ts';

const page = z.object({
  counts: z.record(z.string(), z.string()),
  dead_letters: z.array(
    z.object({
      partition: z.int(),
      offset: z.string(),
      code: z.string(),
      reason: z.string(),
      bytes: z.string(),
      text: z.string().nullable(),
    }),
  ),
  next_cursor: z.string().nullable(),
});
type DeadLetter = z.output<typeof page>['dead_letters'][number];

type ListFlags = { readonly limit: string; readonly json: boolean };

const EXAMPLES = `
Examples:
  tidemark dead-letters list                 the first hundred, with what they hold
  tidemark dead-letters list --limit all --json | jq -r .code | sort | uniq -c`;

const PAGE = 1_000;
const SHOWN_BYTES = 60;

export function deadLettersCommand(program: Command): void {
  const list = program
    .command('dead-letters')
    .description('Records of the log that are no events.')
    .addHelpText('after', EXAMPLES)
    .command('list', { isDefault: true })
    .description('By partition and offset.')
    .option('--limit <number>', "how many, or 'all'", '100')
    .option('--json', 'NDJSON on stdout, each with its bytes as base64', false);
  applyOptions(list, SYSTEM_OPTIONS).action((flags: ListFlags) => listDeadLetters(flags));
}

async function listDeadLetters(flags: ListFlags): Promise<void> {
  const apiUrl = apiOf(findSystem(process.env, flags));
  const limit = flags.limit === 'all' ? Number.POSITIVE_INFINITY : Number(flags.limit);
  let left = limit;
  let counts: Readonly<Record<string, string>> = {};
  const rows: string[][] = [];
  for (let cursor: string | null = ''; cursor !== null && left > 0; ) {
    const query = new URLSearchParams({ limit: String(Math.min(left, PAGE)) });
    if (cursor !== '') query.set('cursor', cursor);
    const answer: z.output<typeof page> = await askFor(apiUrl, `/v1/dead-letters?${query}`, page);
    counts = answer.counts;
    for (const letter of answer.dead_letters) {
      if (flags.json) process.stdout.write(`${JSON.stringify(letter)}\n`);
      else rows.push([`${letter.partition}:${letter.offset}`, letter.code, letter.reason, preview(letter)]);
    }
    left -= answer.dead_letters.length;
    cursor = answer.next_cursor;
  }
  if (flags.json) return;
  const total = Object.values(counts).reduce((sum, times) => sum + BigInt(times), 0n);
  const columns = [{ title: 'at' }, { title: 'code' }, { title: 'reason' }, { title: 'record' }];
  process.stdout.write(
    rows.length === 0 ? '  No dead letters.\n' : `\n${table(columns, rows)}\n\n  ${rows.length} of ${total}\n`,
  );
}

const preview = ({ text, bytes }: DeadLetter): string =>
  text === null
    ? `${bytes.slice(0, SHOWN_BYTES)}… (base64)`
    : text.length > SHOWN_BYTES
      ? `${text.slice(0, SHOWN_BYTES)}…`
      : text;
