import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { megabytes, type SessionOptions } from '@tidemark/duckdb';
import { type RecordBatch, tableFromIPC } from 'apache-arrow';
import { EngineError } from '../error.ts';
import type { Engine, HistoryRequest, HistoryRow, Inspection, Rankings, RecomputeResult } from '../port.ts';
import type { RankedColumns, Reply, Request } from './protocol.ts';

type Unnumbered<R> = R extends { id: number } ? Omit<R, 'id'> : never;
type Listener = { readonly reply: (reply: Reply) => void; readonly gone: (error: EngineError) => void };

export type DuckDbEngineOptions = SessionOptions & {
  /** Rows of history that a recompute works on at once. Default: as many as stay within the memory limit. */
  readonly rowsAtOnce?: number;
};

/**
 * Rows for each megabyte of the limit. Their tables, hashes and lists take 240 to 330 bytes of the process's memory each, of which
 * DuckDB counts a part only: so it stays within the limit, and nothing spills.
 */
const ROWS_PER_MEGABYTE = 2_500;

/** DuckDB in a process of its own, started with the first call. `close` ends it; so does the end of this process. */
export function openDuckDbEngine(options: DuckDbEngineOptions): Engine {
  return new DuckDbEngine(options);
}

class DuckDbEngine implements Engine {
  readonly #options: DuckDbEngineOptions;
  readonly #listeners = new Map<number, Listener>();
  #child: ChildProcess | null = null;
  #closed = false;
  #nextId = 1;

  constructor(options: DuckDbEngineOptions) {
    this.#options = options;
  }

  async recompute(
    request: Parameters<Engine['recompute']>[0],
    onProgress: (step: string) => void = () => {},
  ): Promise<RecomputeResult> {
    return (await this.#ask({ kind: 'recompute', request }, onProgress)) as RecomputeResult;
  }

  async inspect(currency: string, snapshot: string, base: string | null): Promise<Inspection> {
    return (await this.#ask({ kind: 'inspect', currency, snapshot, base })) as Inspection;
  }

  async rankings(currency: string, snapshot: string, asOfMs: number, limit: number): Promise<Rankings> {
    const lists = (await this.#ask({
      kind: 'rankings',
      currency,
      snapshot,
      asOfMs,
      limit,
    })) as readonly RankedColumns[];
    return new Map(
      lists.map(({ name, customerIds, scores }) => [
        name,
        customerIds.map((customerId, place) => ({ customerId, score: scores[place] ?? 0n })),
      ]),
    );
  }

  async histories(request: HistoryRequest): Promise<readonly HistoryRow[]> {
    return (await this.#ask({ kind: 'histories', request })) as readonly HistoryRow[];
  }

  async *changes(currency: string, snapshot: string, base: string | null): AsyncGenerator<RecordBatch> {
    const id = this.#nextId++;
    const arrived: (Reply | EngineError)[] = [];
    let wake = () => {};
    const push = (item: Reply | EngineError) => {
      arrived.push(item);
      wake();
    };
    const next = async (): Promise<Reply | EngineError> => {
      for (;;) {
        const item = arrived.shift();
        if (item) return item;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    let hasEnded = false;
    this.#listeners.set(id, { reply: push, gone: push });
    try {
      this.#send({ id, kind: 'changes', currency, snapshot, base });
      let batches = 0;
      let rows = 0;
      for (;;) {
        const item = await next();
        hasEnded = isEnd(item);
        if (item instanceof EngineError) throw item;
        if (item.kind === 'failed') throw new EngineError('TIDEMARK_ENGINE_FAILED', item.message);
        if (item.kind === 'end') {
          if (item.batches === batches && item.rows === rows) return;
          throw new EngineError(
            'TIDEMARK_ENGINE_INCOMPLETE',
            `The engine sent ${item.rows} rows, of which ${rows} arrived.`,
            { retryable: true },
          );
        }
        if (item.kind !== 'batch') continue;
        for (const batch of tableFromIPC(item.ipc).batches) {
          batches++;
          rows += batch.numRows;
          yield batch;
        }
        this.#send({ id, kind: 'taken' });
      }
    } finally {
      // Whoever takes no more of it must not leave a query open in the process for as long as that lives.
      if (!hasEnded) this.#stop(id);
      while (!hasEnded) hasEnded = isEnd(await next());
      this.#listeners.delete(id);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), 2_000);
    await exited;
    clearTimeout(timer);
  }

  #ask(request: Unnumbered<Request>, onProgress: (step: string) => void = () => {}): Promise<unknown> {
    const id = this.#nextId++;
    let refused: { readonly error: unknown } | null = null;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        this.#listeners.delete(id);
        if (refused) reject(refused.error);
        else finish();
      };
      this.#listeners.set(id, {
        gone: (error) => settle(() => reject(error)),
        reply: (reply) => {
          if (reply.kind === 'progress' && !refused) {
            // Thrown from here it would be the end of this process. The call fails once the work has ended, which leaves no file.
            try {
              onProgress(reply.step);
            } catch (error) {
              refused = { error };
              this.#stop(id);
            }
          }
          if (reply.kind === 'done') settle(() => resolve(reply.result));
          if (reply.kind === 'failed') settle(() => reject(new EngineError('TIDEMARK_ENGINE_FAILED', reply.message)));
        },
      });
      this.#send({ id, ...request });
    });
  }

  /** Tells a process that there still is that an answer is not wanted any more. */
  #stop(id: number): void {
    if (this.#child?.connected) this.#child.send({ id, kind: 'stop' } satisfies Request, () => {});
  }

  #send(request: Request): void {
    if (this.#closed) {
      this.#lose('was ended');
      return;
    }
    this.#child ??= this.#start();
    this.#child.send(request, (error) => {
      if (error) this.#lose('cannot be reached', error);
    });
  }

  #start(): ChildProcess {
    const { memoryLimit, threads, tempFolder } = this.#options;
    const { rowsAtOnce = megabytes(memoryLimit) * ROWS_PER_MEGABYTE } = this.#options;
    const extension = extname(fileURLToPath(import.meta.url));
    const script = fileURLToPath(new URL(`./engine-process${extension}`, import.meta.url));
    const child = fork(script, [memoryLimit, String(threads), tempFolder, String(rowsAtOnce)], {
      serialization: 'advanced',
    });
    child.on('message', (reply: Reply) => this.#listeners.get(reply.id)?.reply(reply));
    child.on('error', (cause) => this.#lose('could not be started', cause));
    child.on('exit', (code, signal) => {
      // The next call starts another one: a query that ran out of memory must not be the end of all runs.
      this.#child = null;
      this.#lose(`ended with ${signal ?? `exit code ${code}`}`);
    });
    return child;
  }

  #lose(what: string, cause?: unknown): void {
    const error = new EngineError('TIDEMARK_ENGINE_GONE', `The batch engine's process ${what}.`, {
      cause,
      retryable: true,
    });
    for (const listener of [...this.#listeners.values()]) listener.gone(error);
  }
}

const isEnd = (item: Reply | EngineError): boolean =>
  item instanceof EngineError || item.kind === 'failed' || item.kind === 'end';
