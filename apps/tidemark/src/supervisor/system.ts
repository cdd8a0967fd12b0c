import { mkdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { define } from '@tidemark/metrics';
import { type App, type OptionKey, type Options, toEnv } from '@tidemark/runtime';
import { appEntry } from '../apps/app-entry.ts';
import { runForResult } from '../apps/one-run.ts';
import { exampleCustomer, historyImported, prepareHistory } from '../demo/history.ts';
import { type CliError, readable } from '../error.ts';
import { type DataFolder, folderPaths } from '../home/data-folder.ts';
import { removeRunning, writeRunning } from '../home/running-file.ts';
import { Child, type ChildOptions, type Ready } from './child.ts';
import { lookAtStores, makeGeneration, serveDefinition, waitUntilLevel } from './first-generation.ts';
import { LogFile } from './log-file.ts';
import { serversOf, type UpSettings } from './settings.ts';
import type { StartReport } from './start-report.ts';
import { type Stores, startStores } from './stores.ts';

export type SystemContext = {
  readonly app: App;
  readonly settings: UpSettings;
  readonly folder: DataFolder;
  readonly report: StartReport;
  /** Where the supervisor's own lines go, and those of what it runs once. */
  readonly log: LogFile;
};

export type SystemUp = { readonly apiUrl: string; readonly exampleCustomer: string | null };

const MAX_STOP_MS = { traffic: 700, 'batch-layer': 1_000, 'speed-layer': 1_200, 'serving-layer': 800 } as const;

/**
 * The local system: stores, then what is needed for whole answers, then the processes. They stop in the other order, the
 * writers first and PostgreSQL last.
 */
export class System {
  readonly #context: SystemContext;
  readonly #children: Child[] = [];
  readonly #startedAt = new Date().toISOString();
  readonly #definition;
  #apiUrl: string | null = null;
  #isReady = false;
  #stores: Stores | null = null;

  constructor(context: SystemContext) {
    this.#context = context;
    this.#definition = define(context.settings.currency);
  }

  get definitionId(): string {
    return this.#definition.id;
  }

  /** Starts everything; when it resolves every answer is whole. Throws what a person should read. */
  async start(): Promise<SystemUp> {
    const { folder, report, settings, app } = this.#context;
    app.onStop('running file', () => removeRunning(folder.path));
    const stores = await this.#startStores();
    const env = this.#childEnv(stores);
    if (folder.identity.kind === 'demo') await this.#importHistory(env());

    const looked = report.step('views');
    const found = await this.#orStopped(lookAtStores(stores, this.#definition, settings.partitions));
    if (found.otherServed === null) looked.done(`definition ${this.#definition.id}`);
    else looked.done(`definition ${this.#definition.id} instead of ${found.otherServed}`);

    // Before the run, so that it folds the log while the batch is computed.
    const speed = this.#child('speed-layer', env);
    await this.#layer('speed layer', speed);
    if (!found.isPublished && found.hasHistory) await this.#firstGeneration(env(), found.otherServed);
    await this.#orStopped(serveDefinition(stores.viewsUrl, this.#definition.id));
    await this.#level(stores);
    await this.#startServing(stores);
    await this.#layer('batch layer', this.#child('batch-layer', env), settings.batchSchedule);
    const { demo } = folderPaths(folder.path);
    if (folder.identity.kind === 'demo') {
      const traffic = this.#child('traffic', env);
      await this.#layer('live traffic', traffic, `${settings.demoRate} records a second`);
    }
    if (this.#apiUrl === null) throw new Error('The serving layer runs without an address.');
    this.#isReady = true;
    this.#publish();
    const customer = folder.identity.kind === 'demo' ? exampleCustomer(demo) : null;
    return { apiUrl: this.#apiUrl, exampleCustomer: customer };
  }

  async #startStores(): Promise<Stores> {
    const { folder, settings, report, app } = this.#context;
    const servers = serversOf(settings);
    const step = report.step(servers.length === 0 ? 'database' : 'stores');
    step.detail(folder.isNew ? 'making it' : 'starting');
    const starting = startStores(folder.path, settings, servers, {
      say: (text) => step.detail(text),
      tell: (message) => report.warn(message),
      onLost: (error) => this.#fail(error),
      signal: app.signal,
    });
    // Whatever becomes of the start, a server that comes up is ended.
    app.onStop('stores', async () => (await starting.catch(() => null))?.stop());
    const stores = await this.#orStopped(starting);
    this.#stores = stores;
    step.done(stores.started.length === 0 ? 'as given by URLs' : stores.started.join(', '));
    if (stores.notice !== null) report.warn(stores.notice);
    app.onStop('processes', () => this.#stopChildren());
    this.#publish();
    return stores;
  }

  /** The demo's history goes the way of any import. */
  async #importHistory(env: NodeJS.ProcessEnv): Promise<void> {
    const { folder, settings, report, app, log } = this.#context;
    const { demo } = folderPaths(folder.path);
    const step = report.step('history');
    const events = settings.demoHistory.toLocaleString('en');
    step.detail(`a shop's year: ${events} events`);
    const file = prepareHistory(demo, {
      seed: settings.demoSeed,
      events: settings.demoHistory,
      currency: settings.currency,
      nowMs: Date.now(),
    });
    if (file === null) {
      step.done('imported before');
      return;
    }
    step.detail(`importing ${events} events`);
    await runForResult({
      app: 'ingest',
      args: ['import', file, '--source', 'events', '--json'],
      env,
      signal: app.signal,
      onLine: (line) => log.write(`${line}\n`),
      onProgress: ({ detail = '' }) => step.detail(`importing ${events} events ${detail}`.trim()),
    });
    historyImported(demo);
    step.done(`${events} events imported`);
  }

  async #firstGeneration(env: NodeJS.ProcessEnv, other: string | null): Promise<void> {
    const { report, app, log } = this.#context;
    const step = report.step(other === null ? 'first generation' : 'rebuild');
    const { generation, customers } = await makeGeneration(env, {
      progress: (text) => step.detail(text),
      line: (line) => log.write(`${line}\n`),
      signal: app.signal,
    });
    step.done(`generation ${generation} of ${customers.toLocaleString('en')} customers`);
  }

  async #level(stores: Stores): Promise<void> {
    const { report, app } = this.#context;
    const step = report.step('log');
    await waitUntilLevel(stores, this.#definition, { progress: (text) => step.detail(text), signal: app.signal });
    step.done('level: every record is folded');
  }

  async #startServing(stores: Stores): Promise<void> {
    const { settings } = this.#context;
    // A process that is started again keeps the port that clients know.
    const env = () => {
      const port = this.#apiUrl === null ? settings.port : Number(new URL(this.#apiUrl).port || 80);
      return this.#childEnv(stores, { port })();
    };
    const ready = await this.#layer('serving layer', this.#child('serving-layer', env));
    if (typeof ready.url !== 'string') throw new Error('The serving layer did not say where it listens.');
    this.#apiUrl = ready.url;
    this.#publish();
  }

  async #layer(label: string, child: Child, text = ''): Promise<Ready> {
    const step = this.#context.report.step(label);
    const ready = await this.#orStopped(child.start());
    step.done(text);
    return ready;
  }

  #child(name: keyof typeof MAX_STOP_MS, env: () => NodeJS.ProcessEnv): Child {
    const { folder, report } = this.#context;
    const { logs } = folderPaths(folder.path);
    const log = openLogFile(logs, name, report);
    const options: ChildOptions = {
      name: name.replace('-', ' '),
      entry: name === 'traffic' ? TRAFFIC_ENTRY : appEntry(name),
      args: name === 'batch-layer' ? ['schedule'] : [],
      env,
      log,
      tell: (message) => report.warn(message),
      onGivenUp: (error) => this.#fail(error),
      onChange: () => this.#publish(),
      stopMs: MAX_STOP_MS[name],
    };
    const child = new Child(options);
    this.#children.push(child);
    return child;
  }

  /** Last started, first stopped: what sends, then what computes, then what answers. */
  async #stopChildren(): Promise<void> {
    const order = ['traffic', 'batch layer', 'speed layer', 'serving layer'];
    const children = this.#children.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    for (const child of children) await child.stop();
  }

  #childEnv(stores: Stores, more: Partial<Options<OptionKey>> = {}): () => NodeJS.ProcessEnv {
    const { settings } = this.#context;
    const { logUrl, viewsUrl, catalogUrl, lakeUrl } = stores;
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TIDEMARK_')));
    const env = { ...own, ...toEnv({ ...settings, logUrl, viewsUrl, catalogUrl, lakeUrl, ...more }) };
    return () => env;
  }

  #publish(): void {
    const { folder, settings, log } = this.#context;
    const stores = this.#stores;
    if (stores === null || this.#context.app.signal.aborted) return;
    try {
      writeRunning(folder.path, {
        kind: folder.identity.kind,
        currency: settings.currency,
        definition: this.#definition.id,
        partitions: settings.partitions,
        startedAt: this.#startedAt,
        ready: this.#isReady,
        apiUrl: this.#apiUrl,
        ...stores.places,
        settings: sharedSettings(settings),
        processes: this.#children.map(({ status }) => status),
      });
    } catch (error) {
      // On a full disk the file is old for a while: other commands may see an old process number.
      log.write(`${JSON.stringify({ level: 'error', msg: `running.json: ${readable(error)}` })}\n`);
    }
  }

  #fail(error: CliError): void {
    const { app, report } = this.#context;
    if (app.signal.aborted) return;
    report.abandon();
    report.print(`\ntidemark: ${error.message}`);
    app.stop(error.message, 1);
  }

  /** Lets go of what is waited for when the app is told to stop. */
  #orStopped<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#context.app;
    return new Promise((resolve, reject) => {
      const stopped = () => reject(signal.reason);
      if (signal.aborted) stopped();
      signal.addEventListener('abort', stopped, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stopped));
    });
  }
}

/** The settings that a run by hand must share with the scheduled ones. */
function sharedSettings(settings: UpSettings): Record<string, string> {
  const { currency, partitions, engine, engineMemory, engineThreads, generations } = settings;
  const { barrierDistanceMs, floorGraceMs } = settings;
  const shared = { currency, partitions, engine, engineMemory, engineThreads, generations };
  return toEnv({ ...shared, barrierDistanceMs, floorGraceMs });
}

/** Beside this file in `src` and `dist` alike. */
const TRAFFIC_ENTRY = fileURLToPath(
  new URL(`../demo/traffic-main${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
);

export function openLogFile(folder: string, name: string, report: StartReport): LogFile {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return new LogFile(join(folder, `${name}.log`), (error) =>
    report.warn(`The logs can't be written: ${readable(error)}`),
  );
}
