import { pathToFileURL } from 'node:url';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@tidemark/postgres';
import { CliError } from '../error.ts';
import { folderPaths } from '../home/data-folder.ts';
import { EMBEDDED_DATABASE } from '../home/running-file.ts';

type StoreOptions = {
  readonly logUrl: string | undefined;
  readonly viewsUrl: string | undefined;
  readonly catalogUrl: string | undefined;
  readonly lakeUrl: string | undefined;
};

export type Stores = {
  readonly logUrl: string;
  readonly viewsUrl: string;
  readonly catalogUrl: string;
  readonly lakeUrl: string;
  /** The folder's own PostgreSQL; null when every store has a URL. */
  readonly port: number | null;
  readonly notice: string | null;
  stop(): Promise<void>;
};

/** Where the stores are without starting any: null is the folder's own PostgreSQL. */
export const givenStores = (folder: string, options: StoreOptions) => ({
  logUrl: options.logUrl ?? null,
  viewsUrl: options.viewsUrl ?? null,
  catalogUrl: options.catalogUrl ?? null,
  lakeUrl: options.lakeUrl ?? pathToFileURL(folderPaths(folder).lake).href,
});

/**
 * Opens what the settings name, and starts the folder's own PostgreSQL for what they don't: one database, in which log,
 * views and catalog each have a schema. Should that server end, it is started again on its port; `onLost` is told when
 * that can't be.
 */
export async function startStores(
  folder: string,
  options: StoreOptions,
  tell: (message: string) => void,
  onLost: (error: CliError) => void,
): Promise<Stores> {
  const given = givenStores(folder, options);
  const { logUrl, viewsUrl, catalogUrl, lakeUrl } = given;
  if (logUrl !== null && viewsUrl !== null && catalogUrl !== null) {
    return { logUrl, viewsUrl, catalogUrl, lakeUrl, port: null, notice: null, stop: async () => {} };
  }
  const server = await EmbeddedServer.start(folderPaths(folder).postgres, tell, onLost);
  const url = await server.createDatabase();
  return {
    logUrl: logUrl ?? url,
    viewsUrl: viewsUrl ?? url,
    catalogUrl: catalogUrl ?? url,
    lakeUrl,
    port: server.port,
    notice: server.notice,
    stop: () => server.stop(),
  };
}

/** A server that ended so often in a row, each time sooner than this, is given up. */
const MAX_QUICK_ENDS = 3;
const QUICK_MS = 60_000;

class EmbeddedServer {
  readonly #folder: string;
  readonly #tell: (message: string) => void;
  readonly #onLost: (error: CliError) => void;
  #server: EmbeddedPostgres;
  #startedAtMs = Date.now();
  #quickEnds = 0;
  #stopping = false;
  #restarting: Promise<void> = Promise.resolve();

  private constructor(
    folder: string,
    server: EmbeddedPostgres,
    tell: (message: string) => void,
    onLost: (error: CliError) => void,
  ) {
    this.#folder = folder;
    this.#server = server;
    this.#tell = tell;
    this.#onLost = onLost;
    this.#watch();
  }

  static async start(
    folder: string,
    tell: (message: string) => void,
    onLost: (error: CliError) => void,
  ): Promise<EmbeddedServer> {
    return new EmbeddedServer(folder, await startEmbeddedPostgres({ folder }), tell, onLost);
  }

  get port(): number {
    return this.#server.port;
  }

  get notice(): string | null {
    return this.#server.notice;
  }

  createDatabase(): Promise<string> {
    return this.#server.createDatabase(EMBEDDED_DATABASE);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#restarting;
    await this.#server.stop();
  }

  #watch(): void {
    void this.#server.ended.then(() => {
      if (!this.#stopping) this.#restarting = this.#again();
    });
  }

  async #again(): Promise<void> {
    this.#quickEnds = Date.now() - this.#startedAtMs > QUICK_MS ? 1 : this.#quickEnds + 1;
    const { port } = this.#server;
    try {
      if (this.#quickEnds >= MAX_QUICK_ENDS) throw new Error('it keeps ending');
      this.#tell('PostgreSQL ended; it is started again');
      this.#server = await startEmbeddedPostgres({ folder: this.#folder });
      this.#startedAtMs = Date.now();
      this.#watch();
      if (this.#server.port !== port) throw new Error(`its port ${port} was taken meanwhile`);
      this.#tell('PostgreSQL runs again');
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#onLost(
        new CliError('TIDEMARK_PROCESS_FAILED', `PostgreSQL ended and could not be kept up: ${why}`, { cause }),
      );
    }
  }
}
