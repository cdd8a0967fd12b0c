import { setTimeout as pause } from 'node:timers/promises';
import { openCatalog } from '@tidemark/catalog';
import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { configureApp, createMetricsRegistry, runApp, systemClock } from '@tidemark/runtime';
import { openViews } from '@tidemark/views/open';
import { buildServer } from './server.ts';
import { DEFAULT_LIMITS } from './serving-context.ts';

const { options, logger } = configureApp({
  name: 'serving-layer',
  reads: ['logUrl', 'viewsUrl', 'catalogUrl', 'currency', 'partitions', 'host', 'port', 'drainMs', 'handOverMs'],
  requires: ['logUrl', 'viewsUrl', 'catalogUrl'],
});

const { drainMs } = options;
const times = { closerMs: 3000 + drainMs, deadlineMs: 4000 + drainMs };

runApp({ name: 'serving-layer', logger, ...times }, async (app) => {
  const definition = define(options.currency);
  const log = await openLog(options.logUrl, { partitions: options.partitions });
  app.onStop('log', () => log.close());
  const store = await openViews(options.viewsUrl);
  app.onStop('views', () => store.close());
  const catalog = await openCatalog(options.catalogUrl);
  app.onStop('catalog', () => catalog.close());

  const server = await buildServer({
    definition,
    views: await store.open(definition),
    serving: () => store.serving(),
    log,
    catalog,
    clock: systemClock,
    ticks: () => performance.now(),
    logger,
    registry: createMetricsRegistry('serving-layer'),
    // What was imported, landed or forgotten by the log shows only in a generation: deltas alone would be a part that
    // looks like the whole.
    awaitsFirstGeneration: async () =>
      (await catalog.imports()).length > 0 ||
      (await catalog.runs({ limit: 1000 })).some(({ publishedAtMs }) => publishedAtMs !== null) ||
      [...(await log.bounds()).values()].some(({ start }) => start > 0n),
    outlived: (error) => app.fail(error),
    limits: DEFAULT_LIMITS,
    handOverMs: options.handOverMs,
    stopping: app.signal,
  });
  app.onStop('http', async () => {
    // Whoever balances needs a moment to see that this one is not ready any more; until then it still sends requests.
    await pause(drainMs);
    await server.close();
  });
  const url = await server.listen({ host: options.host, port: options.port });
  logger.info({ definition: definition.id }, 'answering');
  app.ready({ url });
});
