import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { applyOptions, type OptionKey, readOptions } from '@tidemark/runtime';
import type { Serving, ViewStore } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import type { Command } from 'commander';
import { runForResult } from '../apps/one-run.ts';
import { definitionTable } from '../definitions/definition-table.ts';
import { listDefinitions } from '../definitions/definitions.ts';
import { goBack, type SwitchTimes, switchDefinition } from '../definitions/switch.ts';
import { appEnv, findSystem, SYSTEM_OPTIONS, storesOf } from '../system.ts';

const EXAMPLES = `
A definition is named by the content of the metrics. Processes with changed metrics start beside the old ones and fill views
of their own; switching makes theirs the ready servers, and the old ones' not ready. Until the old one's time is over its
processes keep it up, and it can be gone back to.

Examples:
  tidemark definition list
  tidemark definition switch                    to the definition of this code
  tidemark definition switch 7f12… --keep 48h   to another one; the one before is kept for two days
  tidemark definition back                      to the one before
  tidemark definition drop 7f12…                its tables go at once

Exit codes: 0 done, 1 not done: what is missing is said.`;

type Flags = { readonly json: boolean };

export function definitionCommand(program: Command): void {
  const definition = program
    .command('definition')
    .description('Change a metric live: look, switch, go back.')
    .addHelpText('after', EXAMPLES);
  const sub = (name: string, description: string, more: readonly OptionKey[] = []) =>
    applyOptions(
      definition.command(name).description(description).option('--json', 'one JSON document on stdout', false),
      [...more, ...SYSTEM_OPTIONS],
    );
  sub('list', 'The definitions that have tables, and what each lacks to be served.').action((flags: Flags) =>
    list(flags),
  );
  sub('switch', 'Serve another definition, once it is ready.', ['keepMs', 'levelWaitMs'])
    .argument('[definition]', 'which; without it, that of this code')
    .action((target: string | undefined, flags: Flags) =>
      move(flags, (store, own, times) => switchDefinition(store, target ?? own, times)),
    );
  sub('back', 'Serve the definition before again.', ['levelWaitMs']).action((flags: Flags) =>
    move(flags, (store, _own, times) => goBack(store, times)),
  );
  sub('drop', 'Remove the tables of a definition that is not served and that no speed layer keeps up.')
    .argument('<definition>', 'which')
    .action((target: string, flags: Flags) => drop(target, flags));
}

async function list(flags: Flags): Promise<void> {
  const { logUrl, viewsUrl } = storesOf(findSystem(process.env, flags));
  const log = await openLog(logUrl);
  const store = await openViews(viewsUrl);
  try {
    const rows = await listDefinitions({ store, log }, Date.now());
    say(flags, rows, rows.length === 0 ? '  none yet' : definitionTable(rows));
  } finally {
    await Promise.all([log.close(), store.close()]);
  }
}

async function move(
  flags: Flags,
  work: (store: ViewStore, own: string, times: SwitchTimes) => Promise<Serving>,
): Promise<void> {
  const { viewsUrl, currency } = storesOf(findSystem(process.env, flags));
  const store = await openViews(viewsUrl);
  try {
    const { keepMs, levelWaitMs } = readOptions(['keepMs', 'levelWaitMs'], { env: process.env, flags });
    const times = { nowMs: Date.now, keepMs, waitMs: levelWaitMs };
    const row = await work(store, define(currency).id, times);
    const { serving, previous, untilMs } = row;
    const until = untilMs === null ? null : new Date(untilMs).toISOString();
    const kept = previous === null ? '' : ` ${previous} can be gone back to until ${until}.`;
    say(flags, { serving, previous, until }, `Definition ${serving} is served.${kept}`);
  } finally {
    await store.close();
  }
}

async function drop(target: string, flags: Flags): Promise<void> {
  const result = await runForResult({
    app: 'batch-layer',
    args: ['drop', target],
    env: appEnv(findSystem(process.env, flags)),
  });
  say(flags, result, `The tables of definition ${target} are gone.`);
}

function say(flags: Flags, result: unknown, text: string): void {
  process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `${text}\n`);
}
