import type { Logger } from 'pino';

/** What an app's lifecycle needs of its process. `process` is one; a test brings its own. */
export type HostProcess = {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  exit(code: number): void;
  /** There when a parent listens over IPC. */
  send?: ((message: unknown) => unknown) | undefined;
};

/** What a supervisor hears from its child over IPC, once, when it has started. */
export type ReadyMessage = { readonly type: 'ready'; readonly app: string; readonly [detail: string]: unknown };

export type App = {
  readonly name: string;
  readonly logger: Logger;
  /** Aborted when the app is to stop; long waits, at start too, end themselves on it. */
  readonly signal: AbortSignal;
  /** Closes something when the app stops: last opened, first closed, one after the other, each for a bounded time. */
  onStop(name: string, close: () => Promise<void> | void): void;
  /** Tells the parent, if there is one, that the app serves; `details` (a port, say) go with it. */
  ready(details?: Readonly<Record<string, unknown>>): void;
  /** Stops the app gracefully; the first call decides reason and exit code. */
  stop(reason: string, exitCode?: number): void;
  /** Ends the app because of an error that it can't go on from: logged, then a stop with exit code 1. */
  fail(error: unknown): void;
};

export type LifecycleOptions = {
  readonly name: string;
  readonly logger: Logger;
  readonly host?: HostProcess;
  /** The whole stop; after it the process exits with 1. */
  readonly deadlineMs?: number;
  /** One closer; after it the next one's turn comes, and the exit code is 1. */
  readonly closerMs?: number;
};

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs an app: `start` wires it, registers what has to be closed, says `ready` and returns; the app then runs until SIGINT,
 * SIGTERM, the loss of its parent's IPC channel or `stop` ends it. Then the signal is aborted, a `start` still under way is
 * waited for, the closers run, and the process exits with 0. It exits with 1 when `start` or a closer failed or the deadline
 * passed, and at once with 128 + the signal's number on a second signal. An uncaught error is logged and exits at once with 1.
 */
export function runApp(options: LifecycleOptions, start: (app: App) => Promise<void>): void {
  new Lifecycle(options).run(start);
}

class Lifecycle implements App {
  readonly name: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();
  readonly #host: HostProcess;
  readonly #deadlineMs: number;
  readonly #closerMs: number;
  readonly #closers: { readonly name: string; readonly close: () => Promise<void> | void }[] = [];
  #started: Promise<void> = Promise.resolve();
  #stopping = false;
  #exitCode = 0;

  constructor(options: LifecycleOptions) {
    this.name = options.name;
    this.logger = options.logger;
    this.signal = this.#abort.signal;
    this.#host = options.host ?? process;
    this.#deadlineMs = options.deadlineMs ?? 4000;
    this.#closerMs = options.closerMs ?? 3000;
  }

  run(start: (app: App) => Promise<void>): void {
    for (const [name, exitCode] of Object.entries(SIGNALS)) this.#host.on(name, () => this.#onSignal(name, exitCode));
    this.#host.on('disconnect', () => this.stop('the parent process is gone'));
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      this.#host.on(event, (error: unknown) => {
        this.logger.fatal({ err: error }, event);
        this.#host.exit(1);
      });
    }
    this.#started = start(this).catch((error: unknown) => {
      // Aborted waits reject: while stopping that is how a start ends, not a failure.
      if (!this.#stopping) this.fail(error);
    });
  }

  onStop(name: string, close: () => Promise<void> | void): void {
    this.#closers.push({ name, close });
  }

  ready(details: Readonly<Record<string, unknown>> = {}): void {
    if (this.#stopping) return;
    this.logger.info(details, 'ready');
    this.#host.send?.({ ...details, type: 'ready', app: this.name } satisfies ReadyMessage);
  }

  stop(reason: string, exitCode = 0): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#exitCode = exitCode;
    this.logger.info({ reason }, 'stopping');
    this.#abort.abort(new Error(`${this.name} stops: ${reason}`));
    void this.#stopWithinDeadline();
  }

  fail(error: unknown): void {
    this.logger.fatal({ err: error }, 'failed');
    this.#exitCode = 1;
    this.stop('an error', 1);
  }

  #onSignal(name: string, exitCode: number): void {
    if (this.#stopping) {
      this.logger.warn({ signal: name }, 'second signal, exiting at once');
      this.#host.exit(exitCode);
    } else {
      this.stop(name);
    }
  }

  async #stopWithinDeadline(): Promise<void> {
    if (!(await settled(this.#closeAll(), this.#deadlineMs))) {
      this.logger.error({ deadlineMs: this.#deadlineMs }, 'not stopped in time');
      this.#exitCode = 1;
    }
    this.logger.info({ exitCode: this.#exitCode }, 'stopped');
    this.#host.exit(this.#exitCode);
  }

  async #closeAll(): Promise<void> {
    if (!(await settled(this.#started, this.#closerMs))) this.logger.warn('start did not end when told to stop');
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      const { name, close } = closer;
      try {
        if (await settled(Promise.resolve().then(close), this.#closerMs)) continue;
        this.logger.error({ closer: name, closerMs: this.#closerMs }, 'not closed in time');
      } catch (error) {
        this.logger.error({ closer: name, err: error }, 'not closed');
      }
      this.#exitCode = 1;
    }
  }
}

/** True when the work ended in time; its rejection is thrown. */
async function settled(work: Promise<void>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMs);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
