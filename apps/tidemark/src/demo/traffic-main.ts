import { openLog } from '@tidemark/log/open';
import { configureApp, retry, runApp } from '@tidemark/runtime';
import { folderPaths } from '../home/data-folder.ts';
import { sendTraffic } from './traffic.ts';

const { options, logger } = configureApp({
  name: 'demo-traffic',
  reads: ['home', 'logUrl', 'demoRate'],
  requires: ['logUrl'],
});

runApp({ name: 'demo-traffic', logger }, async (app) => {
  const log = await openLog(options.logUrl);
  app.onStop('log', () => log.close());
  const patient = {
    append: (records: Parameters<typeof log.append>[0]) =>
      retry(() => log.append(records), {
        signal: app.signal,
        onRetry: ({ error, attempt }) => logger.warn({ err: error, attempt }, 'the log does not answer'),
      }),
  };
  const sending = sendTraffic({
    folder: folderPaths(options.home).demo,
    log: patient,
    rate: options.demoRate,
    now: Date.now,
    signal: app.signal,
  });
  app.onStop('traffic', () => sending.catch(() => {}));
  sending.catch((error: unknown) => {
    if (!app.signal.aborted) app.fail(error);
  });
  app.ready();
});
