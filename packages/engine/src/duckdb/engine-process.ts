import type { DuckDBConnection } from '@duckdb/node-api';
import { openSession } from '@tidemark/duckdb';
import { define } from '@tidemark/metrics';
import { Table, tableToIPC } from 'apache-arrow';
import { histories } from './history-rows.ts';
import type { Reply, Request } from './protocol.ts';
import { recompute } from './recompute.ts';
import { changes, inspect, rankings } from './snapshot-queries.ts';

type Work = Exclude<Request, { kind: 'taken' | 'stop' }>;

/** A request that is being answered. */
type Task = { isStopped: boolean; batchesUnderWay: number; wake: () => void };

/** Batches on their way that the caller has not taken in yet. */
const MAX_BATCHES_UNDER_WAY = 4;

/**
 * The engine's process: DuckDB alone, so that its threads never hold up the caller's. It ends when the caller's channel
 * closes, for whatever reason.
 */
async function main(): Promise<void> {
  const [memoryLimit = '', threads = '', tempFolder = '', rowsAtOnce = ''] = process.argv.slice(2);
  const session = await openSession({ memoryLimit, threads: Number(threads), tempFolder });
  const tasks = new Map<number, Task>();
  const reply = (message: Reply) => new Promise<void>((resolve) => process.send?.(message, () => resolve()));

  const sendChanges = async (
    connection: DuckDBConnection,
    task: Task,
    { id, currency, snapshot, base }: Extract<Work, { kind: 'changes' }>,
  ) => {
    const definition = define(currency);
    let batches = 0;
    let rows = 0;
    for await (const batch of changes(connection, definition, snapshot, base)) {
      while (task.batchesUnderWay >= MAX_BATCHES_UNDER_WAY && !task.isStopped) {
        await new Promise<void>((resolve) => {
          task.wake = resolve;
        });
      }
      failIfStopped(task);
      task.batchesUnderWay++;
      batches++;
      rows += batch.numRows;
      const ipc = tableToIPC(new Table(batch), 'stream');
      await reply({ id, kind: 'batch', ipc, rows: batch.numRows });
    }
    await reply({ id, kind: 'end', batches, rows });
  };

  const answer = async (connection: DuckDBConnection, task: Task, message: Work): Promise<void> => {
    const { id } = message;
    switch (message.kind) {
      case 'changes':
        return sendChanges(connection, task, message);
      case 'recompute': {
        const result = await recompute(
          session,
          message.request,
          { rowsAtOnce: Number(rowsAtOnce), tempFolder },
          (step) => {
            failIfStopped(task);
            void reply({ id, kind: 'progress', step });
          },
        );
        return reply({ id, kind: 'done', result });
      }
      case 'inspect': {
        const result = await inspect(connection, define(message.currency), message.snapshot, message.base);
        return reply({ id, kind: 'done', result });
      }
      case 'histories':
        return reply({ id, kind: 'done', result: await histories(connection, message.request) });
      case 'rankings': {
        const { currency, snapshot, asOfMs, limit } = message;
        return reply({
          id,
          kind: 'done',
          result: await rankings(connection, define(currency), snapshot, asOfMs, limit),
        });
      }
    }
  };

  /** Each request has its own connection, with whose end its temporary tables go. */
  const work = async (message: Work) => {
    const task = { isStopped: false, batchesUnderWay: 0, wake: () => {} };
    tasks.set(message.id, task);
    const connection = await session.connect();
    try {
      await answer(connection, task, message);
    } finally {
      connection.closeSync();
      tasks.delete(message.id);
    }
  };

  process.on('message', (message: Request) => {
    if (message.kind === 'taken' || message.kind === 'stop') {
      const task = tasks.get(message.id);
      if (!task) return;
      if (message.kind === 'taken') task.batchesUnderWay--;
      else task.isStopped = true;
      task.wake();
      return;
    }
    work(message).catch((error: unknown) => reply({ id: message.id, kind: 'failed', message: String(error) }));
  });
  process.on('disconnect', () => process.exit(0));
}

function failIfStopped({ isStopped }: Task): void {
  if (isStopped) throw new Error('the caller wanted no more of it');
}

// Ctrl-C reaches the whole group; the caller decides when the engine ends.
process.on('SIGINT', () => {});
await main();
