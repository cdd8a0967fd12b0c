import { applyOptions } from '@tidemark/runtime';
import type { Command } from 'commander';
import { ask, parseAnswer } from '../api.ts';
import { table } from '../console/table.ts';
import { apiOf, findSystem, SYSTEM_OPTIONS } from '../system.ts';
import { rankingAnswer, shown, shownProvenance } from './customer-answer.ts';

type TopFlags = { readonly sort: string; readonly limit: string; readonly atRisk: boolean; readonly json: boolean };

const EXAMPLES = `
Examples:
  tidemark top                               the twenty most valuable customers
  tidemark top --at-risk --limit 5           the most valuable of those at risk
  tidemark top --sort total_revenue --json   one JSON document, exactly as the API answers`;

/** Shown beside the metric that is ranked by. */
const BESIDE = ['total_revenue', 'order_count', 'last_order_date', 'at_risk'];

export function topCommand(program: Command): void {
  const command = program
    .command('top')
    .description('Customers ranked by a metric.')
    .option('--sort <metric>', 'what to rank by', 'estimated_clv')
    .option('--limit <number>', 'how many', '20')
    .option('--at-risk', 'only customers at risk', false)
    .option('--json', 'print exactly what the API answers', false)
    .addHelpText('after', EXAMPLES);
  applyOptions(command, SYSTEM_OPTIONS).action((flags: TopFlags) => top(flags));
}

async function top(flags: TopFlags): Promise<void> {
  const apiUrl = apiOf(findSystem(process.env, flags));
  const query = new URLSearchParams({ sort: flags.sort, limit: flags.limit });
  if (flags.atRisk) query.set('at_risk', 'true');
  const answer = await ask(apiUrl, `/v1/customers?${query}`);
  if (flags.json) {
    process.stdout.write(answer.bytes);
    if (process.stdout.isTTY) process.stdout.write('\n');
    if (answer.status !== 200) process.exitCode = 1;
    return;
  }
  const ranking = parseAnswer(apiUrl, answer, rankingAnswer);
  const names = [flags.sort, ...BESIDE.filter((name) => name !== flags.sort)];
  const columns = [
    { title: '', align: 'right' as const },
    { title: 'customer' },
    ...names.map((title) => ({ title, align: 'right' as const })),
  ];
  const rows = ranking.customers.map(({ customer_id, metrics, provisional }, index) => [
    String(index + 1),
    customer_id,
    ...names.map((name) => `${shown(metrics[name] ?? null)}${provisional.includes(name) ? ' ~' : ''}`),
  ]);
  const depth = ranking.exact_to_depth;
  const exact = depth === null ? 'the order is exact' : `the order is exact to place ${depth}`;
  process.stdout.write(
    `\n${rows.length === 0 ? '  no customers' : table(columns, rows)}\n\n  money in ${ranking.currency}; ${exact}; ${shownProvenance(ranking.provenance)}\n`,
  );
}
