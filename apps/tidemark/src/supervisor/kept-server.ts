import { CliError } from '../error.ts';

/** A server that this process started. */
export type StartedServer = {
  /** Resolves when it has ended, by `stop` or by itself. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
};

export type KeptServerOptions<T extends StartedServer> = {
  /** For people: `PostgreSQL`. */
  readonly name: string;
  /** Starts it, the first time (null) and after each end: at the same address, or it throws. */
  readonly start: (before: T | null) => Promise<T>;
  /** Told when it ended and is started again. */
  readonly tell: (message: string) => void;
  /** It is beyond help. */
  readonly onLost: (error: CliError) => void;
};

/** A server that ended so often in a row, each time sooner than this, is given up. */
const MAX_QUICK_ENDS = 3;
const QUICK_MS = 60_000;

/** A server that is started again when it ends. */
export class KeptServer<T extends StartedServer> {
  readonly #options: KeptServerOptions<T>;
  #server: T;
  #startedAtMs = Date.now();
  #quickEnds = 0;
  #stopping = false;
  #restarting: Promise<void> = Promise.resolve();

  private constructor(options: KeptServerOptions<T>, server: T) {
    this.#options = options;
    this.#server = server;
    this.#watch();
  }

  static async start<T extends StartedServer>(options: KeptServerOptions<T>): Promise<KeptServer<T>> {
    return new KeptServer(options, await options.start(null));
  }

  /** The one that runs, or ran last. */
  get server(): T {
    return this.#server;
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
    const { name, start, tell, onLost } = this.#options;
    this.#quickEnds = Date.now() - this.#startedAtMs > QUICK_MS ? 1 : this.#quickEnds + 1;
    try {
      if (this.#quickEnds >= MAX_QUICK_ENDS) throw new Error('it keeps ending');
      tell(`${name} ended; it is started again`);
      this.#server = await start(this.#server);
      this.#startedAtMs = Date.now();
      this.#watch();
      tell(`${name} runs again`);
    } catch (cause) {
      if (this.#stopping) return;
      const why = cause instanceof Error ? cause.message : String(cause);
      onLost(new CliError('TIDEMARK_PROCESS_FAILED', `${name} ended and could not be kept up: ${why}`, { cause }));
    }
  }
}
