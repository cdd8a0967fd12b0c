import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { configureApp, createMetricsRegistry, runApp, startMetricsServer, systemClock } from '@tidemark/runtime';
import { openViews } from '@tidemark/views/open';
import { retrying } from './fold-store.ts';
import { registerMetrics } from './metrics.ts';
import { SpeedLayer } from './speed-layer.ts';

const { options, logger } = configureApp({
  name: 'speed-layer',
  reads: ['logUrl', 'viewsUrl', 'currency', 'partitions', 'gatherMs', 'stateCache', 'metricsPort', 'host'],
  requires: ['logUrl', 'viewsUrl'],
});

runApp({ name: 'speed-layer', logger }, async (app) => {
  const definition = define(options.currency);
  const log = await openLog(options.logUrl, { partitions: options.partitions });
  app.onStop('log', () => log.close());
  const store = await openViews(options.viewsUrl);
  app.onStop('views', () => store.close());
  const views = retrying(await store.open(definition), {
    onRetry: ({ error, attempt, delayMs }) => logger.warn({ err: error, attempt, delayMs }, 'the views do not answer'),
  });
  const { gatherMs, stateCache } = options;
  const layer = new SpeedLayer({ log, views, definition, clock: systemClock, gatherMs, stateCache });

  if (options.metricsPort > 0) {
    const registry = createMetricsRegistry('speed-layer');
    registerMetrics(registry, layer, log);
    const health = () => ({ ok: true, partitions: [...layer.progress().keys()] });
    const server = await startMetricsServer({ port: options.metricsPort, host: options.host, registry, health });
    app.onStop('metrics', () => server.close());
  }

  const consumer = await layer.start();
  app.onStop('consumer', () => consumer.stop());
  consumer.done.catch((error: unknown) => app.fail(error));
  logger.info({ definition: definition.id }, 'folding');
  app.ready();
});
