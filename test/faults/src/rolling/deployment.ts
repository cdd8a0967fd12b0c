import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppProcess } from './app-process.ts';
import { Balancer } from './balancer.ts';

/** Where the parts of a system are kept. The lake is a folder that the deployment makes and removes. */
export type Stores = { readonly logUrl: string; readonly viewsUrl: string; readonly catalogUrl: string };

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A system as it is deployed apart: two speed layers, two serving layers behind a balancer, a batch layer on a schedule. */
export class Deployment {
  readonly speedLayers: AppProcess[] = [];
  readonly servingLayers: AppProcess[] = [];
  readonly batchLayers: AppProcess[] = [];
  readonly #stores: Stores;
  readonly #lake = mkdtempSync(join(tmpdir(), 'tidemark-faults-'));
  #balancer: Balancer | null = null;
  #apiUrl = '';

  private constructor(stores: Stores) {
    this.#stores = stores;
  }

  /** Starts every part; `settings` go to all of them. */
  static async start(stores: Stores, settings: Readonly<Record<string, string>> = {}): Promise<Deployment> {
    const made = new Deployment(stores);
    try {
      await made.#start(settings);
      return made;
    } catch (error) {
      await made.end('SIGKILL');
      throw error;
    }
  }

  get apiUrl(): string {
    return this.#apiUrl;
  }

  get balancer(): Balancer {
    if (this.#balancer === null) throw new Error('not started');
    return this.#balancer;
  }

  /** What every app of it has in its environment, and what a command needs to find it. */
  environment(): Record<string, string> {
    return {
      TIDEMARK_LOG_URL: this.#stores.logUrl,
      TIDEMARK_VIEWS_URL: this.#stores.viewsUrl,
      TIDEMARK_CATALOG_URL: this.#stores.catalogUrl,
      TIDEMARK_LAKE_URL: this.#lake,
    };
  }

  /** Live processes that have its lake in their environment: its own, and whatever they started. */
  processes(): readonly string[] {
    return readdirSync('/proc').filter((pid) => {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
      try {
        const state = /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
        return state !== 'Z' && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(this.#lake);
      } catch {
        return false; // It ended meanwhile.
      }
    });
  }

  /** Ends all of it, from the front to the back. Answers the exit codes. */
  async end(signal: NodeJS.Signals): Promise<readonly (number | null)[]> {
    const codes: (number | null)[] = [];
    await this.#balancer?.close();
    for (const app of [...this.servingLayers, ...this.speedLayers, ...this.batchLayers])
      codes.push(await app.end(signal));
    return codes;
  }

  /** Removes what it kept. */
  remove(): void {
    rmSync(this.#lake, { recursive: true, force: true });
  }

  async #start(settings: Readonly<Record<string, string>>): Promise<void> {
    const env = { ...this.environment(), ...settings };
    const ports = await Promise.all(Array.from({ length: 5 }, freePort));
    const [first = 0, second = 0, third = 0, fourth = 0, front = 0] = ports;
    // Its healthz is 200 only when its group has told it its share.
    for (const port of [first, second]) {
      const own = { ...env, TIDEMARK_METRICS_PORT: String(port) };
      const isReady = () => isOk(`http://127.0.0.1:${port}/healthz`);
      this.speedLayers.push(await AppProcess.start({ app: 'speed-layer', env: own, isReady }));
    }
    for (const port of [third, fourth]) {
      const own = { ...env, TIDEMARK_PORT: String(port) };
      const isReady = () => isOk(`http://127.0.0.1:${port}/readyz`);
      this.servingLayers.push(await AppProcess.start({ app: 'serving-layer', env: own, isReady }));
    }
    const isReady = (said: string) => said.includes('"ready"');
    this.batchLayers.push(await AppProcess.start({ app: 'batch-layer', env, isReady }));
    this.#balancer = await Balancer.start([third, fourth], front);
    this.#apiUrl = `http://127.0.0.1:${front}`;
  }
}

async function isOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}
