import { setTimeout as pause } from 'node:timers/promises';
import { openCatalog } from '@tidemark/catalog';
import { openStorage } from '@tidemark/lake/open';
import { openLog } from '@tidemark/log/open';
import type { Definition } from '@tidemark/metrics';
import { openViews } from '@tidemark/views/open';
import { outcomeSchema } from '../apps/batch-outcome.ts';
import { AppRunError, runForResult } from '../apps/one-run.ts';
import { CliError } from '../error.ts';
import { readLag } from '../lag.ts';

export type StoreUrls = {
  readonly logUrl: string;
  readonly viewsUrl: string;
  readonly catalogUrl: string;
  readonly lakeUrl: string;
};

/** What the stores hold, relative to the definition of the code that starts. */
export type Found = {
  /** The definition has a live generation. */
  readonly isPublished: boolean;
  /** There are records or imports that answers would have to count. */
  readonly hasHistory: boolean;
  /** The definition served so far, when it is another one. */
  readonly otherServed: string | null;
};

const CURRENCY_SETTING = 'currency';

/** Looks at the stores, making what is not there yet. Throws `TIDEMARK_HOME_CURRENCY` when their money is in another currency. */
export async function lookAtStores(urls: StoreUrls, definition: Definition, partitions: number): Promise<Found> {
  const log = await openLog(urls.logUrl, { partitions });
  const store = await openViews(urls.viewsUrl);
  const catalog = await openCatalog(urls.catalogUrl);
  try {
    const currency = await catalog.putSettingIfAbsent(CURRENCY_SETTING, definition.currency);
    if (currency !== definition.currency) {
      throw new CliError(
        'TIDEMARK_HOME_CURRENCY',
        `The money in these stores is in ${currency}, not in ${definition.currency}, and amounts are never converted. Start with --currency ${currency}, or on other stores.`,
      );
    }
    const serving = await store.serving();
    const pointer = await (await store.open(definition)).pointer();
    const isLogEmpty = [...(await log.bounds()).values()].every(({ end }) => end === 0n);
    const lake = await openStorage(urls.lakeUrl);
    const isLakeEmpty = (await lake.list('manifest')).length === 0;
    return {
      isPublished: pointer !== null,
      hasHistory: !isLogEmpty || !isLakeEmpty,
      otherServed: serving !== null && serving.serving !== definition.id ? serving.serving : null,
    };
  } finally {
    await Promise.all([log.close(), store.close(), catalog.close()]);
  }
}

/** Runs a batch and waits for it, also for one of an earlier process that still holds the right to run. */
export async function makeGeneration(
  env: NodeJS.ProcessEnv,
  on: {
    readonly progress: (text: string) => void;
    readonly line: (line: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly generation: number; readonly customers: number }> {
  for (;;) {
    try {
      const onProgress = ({ step = '', detail = '' }) => on.progress(`${step} ${detail}`.trim());
      const run = { app: 'batch-layer', args: ['run'], env, onProgress, onLine: on.line, signal: on.signal } as const;
      const { generation, status, reason, customers } = outcomeSchema.parse(await runForResult(run));
      if (status === 'published') return { generation, customers };
      throw new CliError(
        'TIDEMARK_NO_GENERATION',
        `Generation ${generation} was ${status}: ${reason ?? 'no reason given'}.`,
      );
    } catch (error) {
      if (!(error instanceof AppRunError && error.appCode === 'TIDEMARK_BATCH_BUSY')) throw error;
      on.progress('another batch run goes on; waiting for it');
      await pause(1000, undefined, { signal: on.signal });
    }
  }
}

/**
 * Says in the views that this definition is the one served, and drops the tables of others: they are derived, nobody keeps
 * them up, and while they are there the log could not forget anything.
 */
export async function serveDefinition(viewsUrl: string, definitionId: string): Promise<void> {
  const store = await openViews(viewsUrl);
  try {
    const next = { serving: definitionId, previous: null, untilMs: null };
    for (let serving = await store.serving(); serving?.serving !== definitionId; serving = await store.serving()) {
      await store.compareAndSetServing(serving, next);
    }
    for (const other of await store.definitions()) if (other !== definitionId) await store.drop(other);
  } finally {
    await store.close();
  }
}

const EVERY_MS = 100;

/** Waits until the speed layer has folded everything that is in the log. */
export async function waitUntilLevel(
  urls: StoreUrls,
  definition: Definition,
  on: { readonly progress: (text: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  const log = await openLog(urls.logUrl);
  const store = await openViews(urls.viewsUrl);
  try {
    const views = await store.open(definition);
    for (;;) {
      const waiting = (await readLag(log, views)).filter(({ waitingSinceMs }) => waitingSinceMs !== null);
      if (waiting.length === 0) return;
      const left = waiting.reduce((sum, { end, position }) => sum + Number(end - (position ?? -1n) - 1n), 0);
      on.progress(`${left.toLocaleString('en')} records to fold`);
      await pause(EVERY_MS, undefined, { signal: on.signal });
    }
  } finally {
    await Promise.all([log.close(), store.close()]);
  }
}
