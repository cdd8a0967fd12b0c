import { setTimeout as pause } from 'node:timers/promises';
import { applyOptions } from '@tidemark/runtime';
import type { Command } from 'commander';
import { z } from 'zod';
import { missingText, outcomeSchema, RUN_STEPS } from '../apps/batch-outcome.ts';
import { AppRunError, runForResult } from '../apps/one-run.ts';
import { count, duration } from '../console/quantity.ts';
import { stepBar } from '../console/step-bar.ts';
import { table } from '../console/table.ts';
import { appEnv, findSystem, SYSTEM_OPTIONS } from '../system.ts';

const EXAMPLES = `
Examples:
  tidemark batch run                 recompute everything now and publish it
  tidemark batch run --full          write every customer again: heals damaged rows
  tidemark batch run --accept-data-loss
                                     go on although retention removed records that were never landed
  tidemark batch generations         what there is to go back to
  tidemark batch rollback            back to the generation before; publishing pauses
  tidemark batch publish             let publishing go on

Exit codes: 0 done, 1 not done (a generation that the quality gate refused, too).`;

const generationRows = z.array(
  z.object({
    generation: z.int(),
    status: z.string(),
    live: z.boolean(),
    readable: z.boolean(),
    barrierAtMs: z.number(),
    publishedAtMs: z.number().nullable(),
    imports: z.int(),
    reason: z.string().nullable(),
  }),
);

const moved = z.object({ live: z.int() });

type Flags = { readonly json: boolean };
type RunFlags = Flags & { readonly full: boolean; readonly acceptDataLoss: boolean };

export function batchCommand(program: Command): void {
  const batch = program
    .command('batch')
    .description('The batch layer by hand: run, look, go back.')
    .addHelpText('after', EXAMPLES);
  const sub = (name: string, description: string) =>
    applyOptions(
      batch.command(name).description(description).option('--json', 'one JSON document on stdout', false),
      SYSTEM_OPTIONS,
    );
  sub('run', 'Recompute every customer from the full history, now, and publish.')
    .option('--full', 'write every customer, not only those that changed', false)
    .option('--accept-data-loss', 'go on where the log forgot records before they were landed', false)
    .action((flags: RunFlags) => run(flags));
  sub('generations', 'The newest runs and what became of them.').action((flags: Flags) => generations(flags));
  sub('rollback', 'Go back to a generation published before; publishing pauses.')
    .argument('[generation]', 'which; without it, the one before the live one')
    .action((target: string | undefined, flags: Flags) =>
      move(
        target === undefined ? ['rollback'] : ['rollback', target],
        flags,
        (live) => `Generation ${live} is live. Publishing is paused until \`tidemark batch publish\`.`,
      ),
    );
  sub('publish', 'Let publishing go on after a rollback.').action((flags: Flags) =>
    move(['publish'], flags, (live) => `Publishing goes on; generation ${live} is live.`),
  );
}

async function run(flags: RunFlags): Promise<void> {
  const asked = [...(flags.full ? ['--full'] : []), ...(flags.acceptDataLoss ? ['--accept-data-loss'] : [])];
  const result = await inBatchLayer(['run', ...asked], flags);
  const { generation, status, resumed, reason, customers, rowsWritten, missing, drifts, durationMs } =
    outcomeSchema.parse(result);
  if (status === 'rejected') process.exitCode = 1;
  const why = reason === null ? '' : `: ${reason}`;
  say(
    flags,
    result,
    `Generation ${generation} ${status}${why}. ${count(customers)} customers, ${count(rowsWritten)} rows written, ${duration(durationMs)}.${resumed ? ' It went on with a run that had died.' : ''}`,
  );
  if (missing > 0 && !flags.json) process.stdout.write(`${missingText(missing)}\n`);
  for (const { generation: of, causes } of drifts) {
    if (causes.lost && !flags.json)
      process.stdout.write(
        `The views before generation ${of} had lost something: \`tidemark drift ${of}\` says what.\n`,
      );
  }
}

async function generations(flags: Flags): Promise<void> {
  const result = await inBatchLayer(['generations'], flags);
  const rows = generationRows
    .parse(result)
    .map((row) => [
      String(row.generation),
      row.live ? 'live' : row.readable ? 'readable' : row.status,
      new Date(row.barrierAtMs).toISOString(),
      row.publishedAtMs === null ? '–' : new Date(row.publishedAtMs).toISOString(),
      String(row.imports),
      row.reason ?? '',
    ]);
  const titles = ['generation', '', 'cut at', 'published at', 'imports', ''];
  const columns = titles.map((title, index) => ({
    title,
    align: index === 0 ? ('right' as const) : ('left' as const),
  }));
  say(flags, result, rows.length === 0 ? '  No run yet. Start one with `tidemark batch run`.' : table(columns, rows));
}

async function move(args: readonly string[], flags: Flags, text: (live: number) => string): Promise<void> {
  const result = await inBatchLayer(args, flags);
  say(flags, result, text(moved.parse(result).live));
}

function say(flags: Flags, result: unknown, text: string): void {
  process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `${text}\n`);
}

const BUSY_WAIT_MS = 500;
const BUSY_TRIES = 600;

/** Runs the command, after the run that goes on now if there is one: the schedule's runs are short. */
async function inBatchLayer(args: readonly string[], flags: Readonly<Record<string, unknown>>): Promise<unknown> {
  const env = appEnv(findSystem(process.env, flags));
  const stop = new AbortController();
  // The child hears a Ctrl-C itself; here it ends the waiting in between.
  process.once('SIGINT', () => stop.abort(new Error('stopped')));
  process.once('SIGTERM', () => stop.abort(new Error('stopped')));
  const bar = args[0] === 'run' ? stepBar(RUN_STEPS) : null;
  try {
    for (let tries = 1; ; tries++) {
      try {
        const onProgress = ({ step = '', detail = '' }) => bar?.at(step, detail === 'begins' ? '' : detail);
        return await runForResult({ app: 'batch-layer', args, env, onProgress, signal: stop.signal });
      } catch (error) {
        const isBusy = error instanceof AppRunError && error.appCode === 'TIDEMARK_BATCH_BUSY';
        if (!isBusy || tries >= BUSY_TRIES) throw error;
        bar?.at('waiting', 'for the run that goes on');
        await pause(BUSY_WAIT_MS, undefined, { signal: stop.signal });
      }
    }
  } finally {
    bar?.stop();
  }
}
