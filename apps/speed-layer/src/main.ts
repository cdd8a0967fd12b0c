import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { configureApp, createMetricsRegistry, runApp, startMetricsServer, systemClock } from '@tidemark/runtime';
import { openViews } from '@tidemark/views/open';
import { fillFrom } from './fill-start.ts';
import { type Patience, retrying } from './fold-store.ts';
import { SpeedHealth } from './health.ts';
import { registerMetrics } from './metrics.ts';
import { SpeedLayer } from './speed-layer.ts';

const { options, logger } = configureApp({
  name: 'speed-layer',
  reads: ['logUrl', 'viewsUrl', 'currency', 'partitions', 'gatherMs', 'stateCache', 'metricsPort', 'stallMs', 'host'],
  requires: ['logUrl', 'viewsUrl'],
});

runApp({ name: 'speed-layer', logger }, async (app) => {
  const definition = define(options.currency);
  const log = await openLog(options.logUrl, { partitions: options.partitions });
  app.onStop('log', () => log.close());
  const store = await openViews(options.viewsUrl);
  app.onStop('views', () => store.close());
  const patience: Patience = {
    signal: app.signal,
    onRetry: ({ error, attempt, delayMs }) => logger.warn({ err: error, attempt, delayMs }, 'a store does not answer'),
  };
  const views = await store.open(definition);
  const { gatherMs, stateCache } = options;
  const layer = new SpeedLayer({
    log,
    views: retrying(views, patience),
    definition,
    fillFrom: () => fillFrom(store, views, definition.id),
    clock: systemClock,
    gatherMs,
    stateCache,
    patience,
    onUnreadable: (partition, err) => logger.warn({ err, partition }, 'the log can not be read'),
  });

  const health = new SpeedHealth({ layer, log, ticks: () => performance.now(), stallMs: options.stallMs });

  if (options.metricsPort > 0) {
    const registry = createMetricsRegistry('speed-layer');
    registerMetrics(registry, layer, log);
    const { metricsPort: port, host } = options;
    const server = await startMetricsServer({ port, host, registry, health: () => health.check() });
    app.onStop('metrics', () => server.close());
  }

  const consumer = await layer.start();
  app.onStop('consumer', () => consumer.stop());
  health.follow(consumer);
  consumer.done.catch((error: unknown) => {
    // Told to stop in an outage, it has given up waiting: whoever comes next folds the same records.
    if (!app.signal.aborted) app.fail(error);
  });
  logger.info({ definition: definition.id }, 'folding');
  app.ready();
});
