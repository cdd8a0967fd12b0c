import type { Logger } from '@tidemark/runtime';
import { ViewsError } from '@tidemark/views';
import { Cron } from 'croner';
import type { BatchContext } from './batch-context.ts';
import { type RunOutcome, runBatch } from './batch-run.ts';
import { BatchError } from './error.ts';

export type Schedule = { stop(): Promise<void> };

/**
 * Runs on a cron schedule (seconds first, UTC). While a run goes on, or after a rollback until publishing is told to go
 * on, its times pass by. A run that fails is logged and tried again at the next time. `outlived` is told that the tables are
 * gone although the definition is served: it was made anew, and only a process that begins anew has what there is now.
 */
export function startSchedule(
  context: BatchContext,
  pattern: string,
  logger: Logger,
  outlived: (error: unknown) => void,
): Schedule {
  let running: Promise<void> = Promise.resolve();
  const once = async () => {
    try {
      if ((await context.views.pointer())?.publishing === 'paused') {
        logger.info('publishing is paused: no run');
        return;
      }
      logOutcome(logger, await runBatch(context));
    } catch (error) {
      if (error instanceof BatchError && error.code === 'TIDEMARK_BATCH_BUSY') logger.info('another run is going on');
      else {
        logger.error({ err: error }, 'the run failed');
        if (await isOutlived(context, error)) outlived(error);
      }
    }
  };
  const cron = new Cron(pattern, { timezone: 'UTC', protect: true }, () => {
    running = once();
    return running;
  });
  return {
    async stop() {
      cron.stop();
      await running;
    },
  };
}

async function isOutlived({ store, definition }: BatchContext, error: unknown): Promise<boolean> {
  if (!(error instanceof ViewsError) || error.code !== 'TIDEMARK_VIEWS_GONE') return false;
  const serving = await store.serving().catch(() => null);
  return serving === null || serving.serving === definition.id;
}

export function logOutcome(logger: Logger, outcome: RunOutcome): void {
  if (outcome.status === 'rejected') logger.error(outcome, 'the quality gate refused the generation');
  else logger.info(outcome, outcome.status);
  logLost(logger, outcome);
}

/** The alarm: the views said something that neither the log nor any limit of the speed layer explains. */
export function logLost(logger: Logger, { drifts }: RunOutcome): void {
  for (const drift of drifts) {
    if (drift.causes.lost) logger.error(drift, 'deltas or batch rows are missing or wrong: see `tidemark drift`');
  }
}
