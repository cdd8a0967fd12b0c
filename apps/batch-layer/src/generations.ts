import type { Run } from '@tidemark/catalog';
import { moveTo, resume } from '@tidemark/views';
import type { BatchContext } from './batch-context.ts';
import { publishRun } from './batch-run.ts';
import { BatchError } from './error.ts';
import { ancestors, readableGenerations } from './steps/clean.ts';

export type GenerationRow = {
  readonly generation: number;
  readonly status: Run['status'];
  readonly live: boolean;
  /** It can be rolled back to, or asked for by number. */
  readonly readable: boolean;
  readonly barrierAtMs: number;
  readonly publishedAtMs: number | null;
  readonly imports: number;
  readonly reason: string | null;
};

/** The newest runs and what became of them, newest first. */
export async function listGenerations(
  { catalog, views, definition }: BatchContext,
  limit: number,
): Promise<readonly GenerationRow[]> {
  const pointer = await views.pointer();
  return (await catalog.runs({ definition: definition.id, limit })).map((run) => ({
    generation: run.generation,
    status: run.status,
    live: run.generation === pointer?.generation,
    readable: run.publishedAtMs !== null && pointer !== null && run.generation >= pointer.floor,
    barrierAtMs: run.barrierAtMs,
    publishedAtMs: run.publishedAtMs,
    imports: run.imports,
    reason: run.reason,
  }));
}

/**
 * Moves the live pointer to a generation that was published before: `target`, or the one that the live was made from.
 * Publishing pauses, or the next run would undo it. Answers the generation that is live now.
 */
export async function rollback(context: BatchContext, target: number | null): Promise<number> {
  const { views, clock } = context;
  const pointer = await views.pointer();
  if (!pointer)
    throw new BatchError(
      'TIDEMARK_BATCH_NOTHING_PUBLISHED',
      'No generation is published yet: there is nothing to roll back.',
    );
  const readable = await readableGenerations(context, pointer.floor);
  const run =
    target === null
      ? ancestors(readable, pointer).find(({ generation }) => generation < pointer.generation)
      : readable.find(({ generation }) => generation === target);
  if (!run?.cut || !run.excluded) {
    const wanted = target === null ? 'older generation' : `generation ${target}`;
    const list = readable.map(({ generation }) => generation).join(', ');
    throw new BatchError(
      'TIDEMARK_BATCH_NO_GENERATION',
      `There is no readable ${wanted}. Readable: ${list || 'none'}.`,
    );
  }
  const { generation, excluded, cut, imports, barrierAtMs } = run;
  const next = moveTo(pointer, { generation, excluded, cut: { partitions: cut, imports }, barrierAtMs }, clock.now());
  if (await views.compareAndSetPointer(pointer, next)) return generation;
  throw new BatchError(
    'TIDEMARK_BATCH_BUSY',
    'The live pointer moved at the same time. Look at the generations and try again.',
    { retryable: true },
  );
}

/**
 * Lets publishing go on after a rollback, and publishes the newest kept run if no other began publishing since. Answers
 * the generation that is live now.
 */
export async function resumePublishing(context: BatchContext): Promise<number> {
  const { views, catalog, definition } = context;
  const lock = await catalog.acquireRunLock();
  if (!lock)
    throw new BatchError('TIDEMARK_BATCH_BUSY', 'A batch run is going on. Try again when it has ended.', {
      retryable: true,
    });
  try {
    const pointer = await views.pointer();
    if (!pointer)
      throw new BatchError('TIDEMARK_BATCH_NOTHING_PUBLISHED', 'No generation is published yet. Start a run.');
    if (pointer.publishing === 'paused' && !(await views.compareAndSetPointer(pointer, resume(pointer)))) {
      throw new BatchError('TIDEMARK_BATCH_BUSY', 'The live pointer moved at the same time. Try again.', {
        retryable: true,
      });
    }
    const [newest] = await catalog.runs({ definition: definition.id, limit: 1 });
    const began = (await catalog.began(definition.id)).at(-1) ?? 0;
    if (newest?.status !== 'kept' || !newest.cut || newest.generation <= began) return pointer.generation;
    await publishRun(context, { ...newest, cut: newest.cut }, false);
    return newest.generation;
  } finally {
    await lock.release();
  }
}
