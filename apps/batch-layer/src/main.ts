import { configureApp, runApp, VALIDATE_FLAG } from '@tidemark/runtime';
import { Command } from 'commander';
import type { BatchContext, Progress } from './batch-context.ts';
import { type RunOptions, runBatch, withRunLock } from './batch-run.ts';
import { listGenerations, resumePublishing, rollback } from './generations.ts';
import { CONTEXT_OPTIONS, openContext } from './open-context.ts';
import { rebuild } from './rebuild.ts';
import { dropDefinition } from './retire.ts';
import { logLost, startSchedule } from './schedule.ts';

const { options, logger } = configureApp({
  name: 'batch-layer',
  reads: [...CONTEXT_OPTIONS, 'batchSchedule'],
  requires: ['logUrl', 'viewsUrl', 'lakeUrl', 'catalogUrl'],
});

/** Runs one command to its end: its result is one JSON document on stdout, its progress lines on stderr. */
function command(work: (context: BatchContext) => Promise<unknown>): void {
  runApp({ name: 'batch-layer', logger }, async (app) => {
    const report = (progress: Progress) => process.stderr.write(`${JSON.stringify({ progress })}\n`);
    const result = await work(await openContext(app, options, report));
    process.stdout.write(`${JSON.stringify(result)}\n`);
    app.stop('done');
  });
}

const ACCEPT_DATA_LOSS = [
  '--accept-data-loss',
  'go on where the log forgot records before they were landed; they are counted as missing',
] as const;

const program = new Command('batch-layer')
  .description('Recomputes every customer from the full history.')
  .option(VALIDATE_FLAG, 'check the configuration and exit');

program
  .command('schedule', { isDefault: true })
  .description('Run by TIDEMARK_BATCH_SCHEDULE until stopped.')
  .action(() => {
    runApp({ name: 'batch-layer', logger }, async (app) => {
      const context = await openContext(app, options, (progress) => logger.debug(progress, 'progress'));
      const schedule = startSchedule(context, options.batchSchedule, logger, (error) => app.fail(error));
      app.onStop('schedule', () => schedule.stop());
      logger.info({ definition: context.definition.id, schedule: options.batchSchedule }, 'scheduled');
      app.ready();
    });
  });

program
  .command('run')
  .description('Run once, now.')
  .option('--full', 'write every customer, not only those that changed: heals damaged rows')
  .option(...ACCEPT_DATA_LOSS)
  .action((flags: RunOptions) =>
    command(async (context) => {
      const outcome = await runBatch(context, flags);
      logLost(logger, outcome);
      return outcome;
    }),
  );

program
  .command('rebuild')
  .description('Make the views and the catalog anew from lake and log. No speed layer may run.')
  .option(...ACCEPT_DATA_LOSS)
  .action((flags: Pick<RunOptions, 'acceptDataLoss'>) => command((context) => rebuild(context, flags)));

program
  .command('generations')
  .description('The newest runs and what became of them.')
  .action(() => command((context) => listGenerations(context, 20)));

program
  .command('publish')
  .description('Let publishing go on after a rollback, with the newest kept run if it still can be.')
  .action(() => command(async (context) => ({ live: await resumePublishing(context) })));

program
  .command('drop')
  .argument('<definition>', 'its id')
  .description('Remove the tables of a definition that is not served and that no speed layer keeps up.')
  .action((id: string) =>
    command(async (context) => {
      await withRunLock(context, (held) => dropDefinition(held, id));
      return { dropped: id };
    }),
  );

program
  .command('rollback')
  .argument('[generation]', 'the generation to go back to; without it, the one before the live one')
  .description('Go back to a generation published before. Publishing pauses until told to go on.')
  .action((generation?: string) =>
    command(async (context) => ({
      live: await rollback(context, generation === undefined ? null : Number(generation)),
    })),
  );

await program.parseAsync();
