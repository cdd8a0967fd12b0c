import { applyOptions } from '@tidemark/runtime';
import { type Command, Option } from 'commander';
import { ask, parseAnswer } from '../api.ts';
import { table } from '../console/table.ts';
import { apiOf, findSystem, SYSTEM_OPTIONS } from '../system.ts';
import { customerAnswer, shown, shownProvenance } from './customer-answer.ts';

type GetFlags = {
  readonly layer?: string;
  readonly generation?: string;
  readonly asOf?: string;
  readonly json: boolean;
};

const EXAMPLES = `
Examples:
  tidemark get c-000042                      every metric of a customer
  tidemark get c-000042 --json               the very bytes of the API's answer
  tidemark get c-000042 --layer batch        what the last generation says, without what came since
  tidemark get c-000042 --generation 3       as of an older generation, with everything since

Exit codes: 0 answered, 1 unknown customer or any other problem.`;

export function getCommand(program: Command): void {
  const command = program
    .command('get')
    .argument('<customer>', 'the customer id, as events name it')
    .description('One customer: every metric, and what the answer was made of.')
    .addOption(new Option('--layer <layer>', 'which layer answers').choices(['merged', 'batch', 'speed']))
    .option('--generation <number>', 'answer from this generation')
    .option('--as-of <time>', 'the moment that windows and ages are counted to (RFC 3339)')
    .option('--json', 'print exactly what the API answers', false)
    .addHelpText('after', EXAMPLES);
  applyOptions(command, SYSTEM_OPTIONS).action((customer: string, flags: GetFlags) => get(customer, flags));
}

async function get(customer: string, flags: GetFlags): Promise<void> {
  const apiUrl = apiOf(findSystem(process.env, flags));
  const query = new URLSearchParams();
  if (flags.layer !== undefined) query.set('layer', flags.layer);
  if (flags.generation !== undefined) query.set('generation', flags.generation);
  if (flags.asOf !== undefined) query.set('as_of', flags.asOf);
  const answer = await ask(apiUrl, `/v1/customers/${encodeURIComponent(customer)}${query.size > 0 ? `?${query}` : ''}`);
  if (flags.json) {
    process.stdout.write(answer.bytes);
    if (process.stdout.isTTY) process.stdout.write('\n');
    if (answer.status !== 200) process.exitCode = 1;
    return;
  }
  const { customer_id, currency, metrics, provisional, provenance } = parseAnswer(apiUrl, answer, customerAnswer);
  const rows = Object.entries(metrics).map(([name, value]) => [
    name,
    shown(value),
    provisional.includes(name) ? 'provisional' : '',
  ]);
  const columns = [{ title: '' }, { title: '' }, { title: '' }];
  const deltas = provenance.deltas.map(({ partition, last_offset }) => `${last_offset} of partition ${partition}`);
  const live = deltas.length === 0 ? 'nothing since the generation' : `events up to ${deltas.join(', ')}`;
  process.stdout.write(`
${table([{ title: '' }], [[`Customer ${customer_id}, money in ${currency}`]])}

${table(columns, rows)}

  ${shownProvenance(provenance)}
  ${live}
`);
}
