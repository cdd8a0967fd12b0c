import type { Logger } from '@tidemark/runtime';
import { Cron } from 'croner';
import type { BatchContext } from './batch-context.ts';
import { type RunOutcome, runBatch } from './batch-run.ts';
import { BatchError } from './error.ts';

export type Schedule = { stop(): Promise<void> };

/**
 * Runs on a cron schedule (seconds first, UTC). While a run goes on, or after a rollback until publishing is told to go
 * on, its times pass by. A run that fails is logged and tried again at the next time.
 */
export function startSchedule(context: BatchContext, pattern: string, logger: Logger): Schedule {
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
      else logger.error({ err: error }, 'the run failed');
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
