import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { endAll, eventually, processesOf } from '@tidemark/infra-local/testing';
import { define } from '@tidemark/metrics';
import { openViews } from '@tidemark/views/open';
import { expect } from 'vitest';
import { z } from 'zod';
import { askCustomers } from './answers.ts';
import { type AppName, AppProcess } from './app-process.ts';
import { BatchRun, collect, type Outcome } from './batch-run.ts';
import { freePort } from './free-port.ts';
import { SteadyReader } from './reader.ts';
import { answeredOf, countsOf, differences, type Truth } from './truth.ts';
import { SteadyWriter } from './writer.ts';

const TIDEMARK = fileURLToPath(new URL('../../../../bin/tidemark.mjs', import.meta.url));
const BATCH_LAYER = fileURLToPath(new URL('../../../../apps/batch-layer/dist/main.js', import.meta.url));

/** Machines that test are busy with other tests. */
const PATIENT_MS = 120_000;
const IDS_AT_ONCE = 500;

/** Where log, views and catalog are. The lake is a folder that the system makes and removes. */
export type StoreUrls = { readonly logUrl: string; readonly viewsUrl: string; readonly catalogUrl: string };

/** What a writer wrote: every customer of its own that something was acknowledged of. */
export type Writer = { readonly truth: ReadonlyMap<string, Readonly<Truth>>; stop(): Promise<void> };

/** A topic, a keyspace and a database of one system's own. Servers are `host:port`, with commas between several. */
export async function onKafkaAndCassandra(kafka: string, cassandra: string, copies = 1): Promise<StoreUrls> {
  const name = `faults_${randomBytes(6).toString('hex')}`;
  return {
    logUrl: `kafka://${kafka}/${name}?replication=${copies}`,
    viewsUrl: `cassandra://${cassandra}?dc=datacenter1&keyspace=${name}&rf=${copies}`,
    catalogUrl: (await freshDatabase()).url,
  };
}

export type SystemOptions = {
  readonly stores: StoreUrls;
  readonly speedLayers?: number;
  readonly servingLayers?: number;
  /** For every app. */
  readonly settings?: Readonly<Record<string, string>>;
};

const healthSchema = z.looseObject({ partitions: z.array(z.int()).default([]) });

/** What makes a process one of other code than was built: variables of its environment. */
export type Code = Readonly<Record<string, string>>;

const THIS_CODE: Code = {};

/** The definition of the currency that every app has by default. */
export const DEFINITION = define('USD');

/** A system as it is deployed apart: processes of each app. Every one of them is known, so that none is left behind. */
export class DeployedSystem {
  readonly seed = Number(process.env.TIDEMARK_SEED ?? randomBytes(4).readUInt32BE());
  readonly speedLayers: AppProcess[] = [];
  readonly servingLayers: AppProcess[] = [];
  /** Those that run by a schedule; `startBatch` runs one by hand. */
  readonly batchLayers: AppProcess[] = [];
  readonly logUrl: string;
  readonly viewsUrl: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidemark-faults-'));
  readonly #catalogUrl: string;
  readonly #settings: Readonly<Record<string, string>>;
  /** Customers that writers which have ended left. */
  readonly #truth = new Map<string, Readonly<Truth>>();
  #started = 0;

  private constructor({ stores, settings = {} }: SystemOptions) {
    this.logUrl = stores.logUrl;
    this.viewsUrl = stores.viewsUrl;
    this.#catalogUrl = stores.catalogUrl;
    this.#settings = settings;
    process.stderr.write(`seed ${this.seed} (TIDEMARK_SEED=${this.seed} to run it again), ${this.#folder}\n`);
  }

  static async start(options: SystemOptions): Promise<DeployedSystem> {
    const { speedLayers = 2, servingLayers = 2 } = options;
    const system = new DeployedSystem(options);
    try {
      // The first alone: it makes the topic and the tables.
      await system.startSpeedLayer();
      for (let n = 1; n < speedLayers; n++) await system.startSpeedLayer();
      for (let n = 0; n < servingLayers; n++) await system.startServingLayer();
      return system;
    } catch (error) {
      await system.end();
      throw error;
    }
  }

  /** What every app of it has in its environment. */
  get environment(): Readonly<Record<string, string>> {
    return {
      TIDEMARK_LOG_URL: this.logUrl,
      TIDEMARK_VIEWS_URL: this.viewsUrl,
      TIDEMARK_CATALOG_URL: this.#catalogUrl,
      TIDEMARK_LAKE_URL: join(this.#folder, 'lake'),
      TIDEMARK_BARRIER_DISTANCE: '0s',
      TIDEMARK_ENGINE_MEMORY: '512MB',
      ...this.#settings,
    };
  }

  async startSpeedLayer(code: Code = THIS_CODE): Promise<AppProcess> {
    const app = this.launchSpeedLayer(await freePort(), code);
    await app.ready();
    return app;
  }

  /** Starts one and does not wait for it. Without a port it has no metrics. */
  launchSpeedLayer(metricsPort = 0, code: Code = THIS_CODE): AppProcess {
    const app = this.#app('speed-layer', { TIDEMARK_METRICS_PORT: String(metricsPort), ...code });
    this.speedLayers.push(app);
    return app;
  }

  async startServingLayer(code: Code = THIS_CODE): Promise<AppProcess> {
    // A port that it keeps when it is started again.
    const app = this.#app('serving-layer', { TIDEMARK_PORT: String(await freePort()), ...code });
    await app.ready();
    this.servingLayers.push(app);
    return app;
  }

  async startBatchLayer(schedule: string): Promise<AppProcess> {
    const app = this.#app('batch-layer', { TIDEMARK_BATCH_SCHEDULE: schedule });
    this.batchLayers.push(app);
    await app.ready();
    return app;
  }

  /** URLs of the servers that run. */
  get apis(): readonly string[] {
    return this.servingLayers.filter(({ isGivenUp }) => !isGivenUp).map(({ url }) => url);
  }

  write(rate?: number, customers?: number): SteadyWriter {
    return new SteadyWriter({
      logUrl: this.logUrl,
      seed: this.seed,
      name: `writer-${this.#started++}`,
      rate,
      customers,
    });
  }

  /** Reads what a writer wrote, and what those before it left. */
  read(writer: Writer, apis = () => this.apis): SteadyReader {
    const customers = () => [...this.#truth.keys(), ...writer.truth.keys()];
    return new SteadyReader({ seed: this.seed, apis, customers });
  }

  /** The partitions that a speed layer folds now, ascending; empty while it can't be asked. */
  async partitionsOf(app: AppProcess): Promise<readonly number[]> {
    const text = await metricsOf(app, '/healthz');
    if (text === null) return [];
    return [...healthSchema.parse(JSON.parse(text)).partitions].sort((a, b) => a - b);
  }

  /** A metric of a speed layer, summed over its labels; null while it can't be asked. */
  async metricOf(app: AppProcess, name: string): Promise<number | null> {
    const text = await metricsOf(app, '/metrics');
    if (text === null) return null;
    const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].map((match) =>
      Number(match[1]),
    );
    return values.reduce((sum, value) => sum + value, 0);
  }

  /** Resolves when the speed layers that run hold all of `count` partitions, each one of them, and each its fair share. */
  async sharesAreFair(count: number, apps = this.speedLayers.filter(({ isGivenUp }) => !isGivenUp)): Promise<void> {
    let shares: readonly (readonly number[])[] = [];
    const isFair = async () => {
      shares = await Promise.all(apps.map((app) => this.partitionsOf(app)));
      const sizes = shares.map(({ length }) => length);
      const held = shares.flat().sort((a, b) => a - b);
      const isWhole = held.length === count && held.every((partition, nth) => partition === nth);
      return isWhole && Math.max(...sizes) - Math.min(...sizes) <= 1 ? true : null;
    };
    await eventually(`${apps.length} speed layers share ${count} partitions`, PATIENT_MS, isFair).catch(
      (error: Error) => {
        throw new Error(`${error.message}: ${JSON.stringify(shares)}`);
      },
    );
  }

  /** A file in its folder; answers the path. */
  file(name: string, text: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Starts a run of the batch layer; what it says comes line by line. */
  startBatch(args: readonly string[] = ['run'], code: Code = THIS_CODE): BatchRun {
    return new BatchRun(
      spawn(process.execPath, [BATCH_LAYER, ...args], {
        cwd: this.#folder,
        env: { PATH: process.env.PATH, ...this.environment, ...code },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }

  /** Runs the batch layer until it has published. */
  async publish(code: Code = THIS_CODE): Promise<Outcome> {
    const outcome = await this.startBatch(['run'], code).outcome();
    expect(outcome.status).toBe('published');
    return outcome;
  }

  /**
   * Publishes under the eyes of every server. `seenMs`: how long after the pointer had moved all had answered from the new
   * generation. `lastOldMs`: how long after it the last question was put that was still answered from the old one.
   */
  async publishSeen(): Promise<{ readonly generation: number; readonly seenMs: number; readonly lastOldMs: number }> {
    const [id = 'nobody'] = this.#truth.keys();
    const store = await openViews(this.viewsUrl);
    try {
      const views = await store.open(DEFINITION);
      const before = (await views.pointer())?.generation ?? 0;
      const watch = async (what: string, ask: () => Promise<number | null>) => {
        let askedAt = performance.now();
        let lastOldAt = askedAt;
        await eventually(`${what} has the next generation`, PATIENT_MS, async () => {
          askedAt = performance.now();
          const generation = await ask();
          if (generation !== null && generation > before) return true;
          lastOldAt = askedAt;
          return null;
        });
        return { lastOldAt, seenAt: performance.now() };
      };
      const servers = this.apis.map((api) =>
        watch(api, async () => {
          const answer = await askCustomers(api, [id]);
          return answer.ok ? answer.value.provenance.generation : null;
        }),
      );
      const pointer = watch('the pointer', async () => (await views.pointer())?.generation ?? null);
      const { generation } = await this.publish();
      const { seenAt: movedAt } = await pointer;
      const seen = await Promise.all(servers);
      return {
        generation,
        seenMs: Math.round(Math.max(...seen.map(({ seenAt }) => seenAt)) - movedAt),
        lastOldMs: Math.round(Math.max(...seen.map(({ lastOldAt }) => lastOldAt)) - movedAt),
      };
    } finally {
      await store.close();
    }
  }

  /** How far the speed layers have come, by partition, as the answers say it. */
  async positions(): Promise<ReadonlyMap<number, bigint>> {
    const [api = ''] = this.apis;
    const answer = await askCustomers(api, ['nobody']);
    const positions = answer.ok ? Object.entries(answer.value.provenance.positions) : [];
    return new Map(positions.map(([partition, offset]) => [Number(partition), BigInt(offset)]));
  }

  /** Has the customers of a writer that has ended checked with all others. */
  remember(writer: Writer): void {
    for (const [customerId, truth] of writer.truth) this.#truth.set(customerId, truth);
  }

  /** A command of the CLI, on this system. Answers its exit code and what it said. */
  command(...args: string[]): Promise<{ readonly code: number | null; readonly said: string }> {
    return this.commandOf(THIS_CODE, ...args);
  }

  /** The same, of other code. */
  async commandOf(code: Code, ...args: string[]): Promise<{ readonly code: number | null; readonly said: string }> {
    const [api] = this.apis;
    const child = spawn(process.execPath, [TIDEMARK, ...args], {
      cwd: this.#folder,
      env: {
        PATH: process.env.PATH,
        ...this.environment,
        ...(api === undefined ? {} : { TIDEMARK_API_URL: api }),
        ...code,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = collect(child);
    const [exitCode] = await once(child, 'close');
    return { code: exitCode, said: said() };
  }

  /**
   * The end of every test: when the writer has stopped, every server answers with exactly what was acknowledged, before a
   * batch run and after it; `verify --strict` finds nothing; and only the processes run that should.
   */
  async isWhole(writer: Writer, { isExactBefore = true } = {}): Promise<void> {
    await writer.stop();
    this.remember(writer);
    if (isExactBefore) for (const api of this.apis) await this.#answer(api, this.#truth, null);
    const { generation } = await this.publish();
    for (const api of this.apis) await this.#answer(api, this.#truth, generation);
    const { code, said } = await this.command('verify', '--strict', '--seed', String(this.seed % 1_000_000));
    expect([code, said]).toEqual([0, expect.stringContaining('no difference')]);
    this.isComplete();
  }

  /** Throws when an app ended by itself. */
  goesOn(): void {
    for (const app of this.#running) if (app.hasEnded) throw new Error(`${app.name} ended by itself:\n${app.tail()}`);
  }

  /** Throws when an app ended by itself, or a process runs that should not. */
  isComplete(): void {
    this.goesOn();
    expect(processesOf(this.#folder)).toEqual(this.#running.map(({ pid }) => pid).sort((a, b) => a - b));
  }

  /** Stops every app in order; each has to end with 0, and nothing may be left. */
  async stop(): Promise<void> {
    const apps = this.#running;
    expect(await Promise.all(apps.map((app) => app.stop()))).toEqual(apps.map(() => 0));
    expect(processesOf(this.#folder)).toEqual([]);
  }

  /** Ends what a failed test left, and removes what it kept. */
  async end(): Promise<void> {
    for (const app of this.#running) app.isGivenUp = true;
    await eventually('leftover processes end', PATIENT_MS, () => {
      const left = processesOf(this.#folder);
      endAll(left);
      return left.length === 0 ? true : null;
    });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Resolves when every server answers what a writer that has ended wrote; from now on its customers are checked, too. */
  async answers(writer: Writer): Promise<void> {
    this.remember(writer);
    for (const api of this.apis) await this.#answer(api, writer.truth, null);
  }

  /** Resolves when a server answers as the writers have it, under the generation if one is named. */
  async #answer(api: string, truth: ReadonlyMap<string, Readonly<Truth>>, generation: number | null): Promise<void> {
    const ids = [...truth.keys()];
    let last: unknown = null;
    for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
      const asked = ids.slice(at, at + IDS_AT_ONCE);
      const expected = asked.map((id) => [id, countsOf(truth.get(id))]);
      await eventually(`${api} answers what was acknowledged`, PATIENT_MS, async () => {
        const answer = await askCustomers(api, asked);
        last = answer;
        if (!answer.ok || (generation !== null && answer.value.provenance.generation !== generation)) return null;
        const found = new Map(answer.value.customers.map(({ customer_id, metrics }) => [customer_id, metrics]));
        last = asked.map((id) => [id, answeredOf(found.get(id))]);
        return JSON.stringify(last) === JSON.stringify(expected) ? true : null;
      }).catch((error: Error) => {
        const asked = this.servingLayers.filter(({ url }) => url === api);
        const said = [...asked, ...this.speedLayers].map((app) => `${app.name}:\n${app.tail()}`).join('\n');
        throw new Error(`${error.message} (generation ${generation})\n${differences(last, expected)}\n${said}`);
      });
    }
  }

  get #running(): readonly AppProcess[] {
    return [...this.servingLayers, ...this.speedLayers, ...this.batchLayers].filter(({ isGivenUp }) => !isGivenUp);
  }

  #app(app: AppName, more: Readonly<Record<string, string>>): AppProcess {
    const name = `${app}-${this.#started++}`;
    const { TIDEMARK_LAKE_URL: lake = '', ...env } = this.environment;
    // Only the batch layer has the lake.
    const own = app === 'batch-layer' ? { TIDEMARK_LAKE_URL: lake } : {};
    return new AppProcess({ app, name, folder: this.#folder, env: { ...env, ...own, ...more } });
  }
}

async function metricsOf(app: AppProcess, path: string): Promise<string | null> {
  try {
    const url = `http://127.0.0.1:${app.env.TIDEMARK_METRICS_PORT}${path}`;
    return await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text();
  } catch {
    return null;
  }
}
