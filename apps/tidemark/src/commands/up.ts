import { resolve } from 'node:path';
import { applyOptions, createLogger, runApp } from '@tidemark/runtime';
import type { Command } from 'commander';
import { readable } from '../error.ts';
import { type DataFolder, folderPaths, openDataFolder } from '../home/data-folder.ts';
import { watchParent } from '../supervisor/parent-watch.ts';
import { probePort } from '../supervisor/port-probe.ts';
import { HOMES, readUpSettings, serversOf, UP_OPTIONS, type UpSettings } from '../supervisor/settings.ts';
import { StartReport } from '../supervisor/start-report.ts';
import { watchStatus } from '../supervisor/status-line.ts';
import { openLogFile, System, type SystemUp } from '../supervisor/system.ts';

const EXAMPLES = `
Examples:
  tidemark up                                  your data, in .tidemark, on port 8080
  tidemark up --demo                           a shop's year of history and live traffic, in .tidemark-demo
  tidemark up --demo --on kafka,cassandra      the same on Kafka and Cassandra, in .tidemark-demo-servers; needs Java
  tidemark up --home /data/shop --port 9000    another system beside the first

It runs until Ctrl-C. Exit codes: 0 stopped when told to, 1 could not start or go on.`;

export function upCommand(program: Command): void {
  const command = program
    .command('up')
    .description('Start everything on this machine: database, speed, batch and serving layer.')
    .option('--demo', 'a simulated shop: history, then live traffic', false)
    .option('--json', 'say on stdout, as one JSON line, when it is ready and where', false)
    .addHelpText('after', EXAMPLES);
  applyOptions(command, UP_OPTIONS).action((flags: { demo: boolean; json: boolean }) =>
    up(readUpSettings(process.env, flags, flags.demo), flags),
  );
}

/** The whole stop; more than the default, since what it started is stopped one after the other. */
const STOP_MS = 4_800;

async function up(settings: UpSettings, { demo, json }: { demo: boolean; json: boolean }): Promise<void> {
  const report = new StartReport(json ? process.stderr : process.stdout);
  if (settings.port !== 0) await probePort(settings.host, settings.port);
  const kind = demo ? 'demo' : 'own';
  const wanted = { kind, currency: settings.currency, on: serversOf(settings), nowMs: Date.now() } as const;
  const folder = openDataFolder(settings.home, wanted);
  process.once('exit', () => folder.release());
  const log = openLogFile(folderPaths(folder.path).logs, 'supervisor', report);
  const logger = createLogger({ app: 'supervisor', level: settings.logLevel, destination: log });

  runApp({ name: 'supervisor', logger, deadlineMs: STOP_MS, closerMs: STOP_MS }, async (app) => {
    // A terminal that is closed is a reason to stop as good as any.
    process.once('SIGHUP', () => app.stop('SIGHUP'));
    app.signal.addEventListener('abort', () => {
      report.abandon();
      report.print('\nStopping …');
    });
    if (process.env.npm_lifecycle_event !== undefined) {
      app.onStop(
        'parent watch',
        watchParent(() => app.stop('the process that started it is gone')),
      );
    }
    const began = performance.now();
    report.print(`\n${report.bold('Tidemark')} ${report.dim(`${demo ? 'demo, ' : ''}data in ${folder.path}`)}\n`);
    try {
      const system = new System({ app, settings, folder, report, log });
      const started = await system.start();
      sayReady(report, started, (performance.now() - began) / 1000, { folder, json });
      app.onStop('status line', watchStatus(started.apiUrl, report));
      app.ready({ url: started.apiUrl });
    } catch (error) {
      if (app.signal.aborted) return;
      report.abandon();
      logger.fatal({ err: error }, 'did not start');
      report.print(`\ntidemark: ${readable(error, folder.path)}`);
      app.stop('it did not start', 1);
    }
  });
}

function sayReady(
  report: StartReport,
  { apiUrl, exampleCustomer }: SystemUp,
  seconds: number,
  { folder, json }: { readonly folder: DataFolder; readonly json: boolean },
): void {
  if (json) process.stdout.write(`${JSON.stringify({ ready: true, api_url: apiUrl, home: folder.path })}\n`);
  const customer = exampleCustomer ?? 'CUSTOMER';
  const isFound = HOMES.some((home) => resolve(home) === folder.path);
  report.print(`
  ${report.bold(`Ready after ${seconds.toFixed(1)} s.`)}

    API        ${apiUrl}/v1/customers/${encodeURIComponent(customer)}
    Docs       ${apiUrl}/docs
    Command    npx tidemark get ${customer}${isFound ? '' : ` --home ${folder.path}`}
    Logs       ${folderPaths(folder.path).logs}

  Stop with Ctrl-C.
`);
}
