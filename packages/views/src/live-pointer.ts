import { ViewsError } from './error.ts';
import type { Cut, LivePointer } from './port.ts';

/*
 * The moves of a live pointer, as pure functions from the row that was read to the row to be written by compare-and-set.
 * Each throws a ViewsError with a TIDEMARK_POINTER_… code when the rules of the merge law forbid it.
 */

/** A generation about to be live for the first time. */
export type Publication = {
  readonly generation: number;
  /** The generation its rows were compared with; null: with none, every customer was written. */
  readonly base: number | null;
  readonly logId: string;
  readonly cut: Cut;
  /** The numbers of all generations that ever began publishing, in any order; its own may be among them. */
  readonly began: readonly number[];
  readonly barrierAtMs: number;
  readonly publishedAtMs: number;
};

/** A generation as it was when it was first published, from the catalog. */
export type PublishedGeneration = Pick<LivePointer, 'generation' | 'excluded' | 'cut' | 'barrierAtMs'>;

/**
 * Publishes a generation for the first time. Its rows only make sense over its base, so the base must be live; and its
 * number must be above all that began, since a higher one's list, fixed already, doesn't know of it. What began between
 * base and generation is no ancestor and joins the base's excluded.
 */
export function publishNext(pointer: LivePointer | null, publication: Publication): LivePointer {
  const { generation, base, logId, cut, began, barrierAtMs, publishedAtMs } = publication;
  const live = pointer?.generation ?? null;
  assertGeneration(generation);
  if (pointer !== null && pointer.publishing === 'paused') {
    throw new ViewsError(
      'TIDEMARK_POINTER_PAUSED',
      `Publishing is paused: generation ${generation} is kept, not published.`,
    );
  }
  if (base !== live) {
    const message = `Generation ${generation} was compared with ${named(base)}, but ${named(live)} is live. Run again.`;
    throw new ViewsError('TIDEMARK_POINTER_BASE', message);
  }
  const others = began.filter((number) => number !== generation);
  const highest = others.reduce((most, number) => Math.max(most, number), live ?? 0);
  if (highest >= generation) {
    const message = `Generation ${generation} can't be published after ${highest} began. Run again.`;
    throw new ViewsError('TIDEMARK_POINTER_SUPERSEDED', message);
  }
  if (pointer !== null) assertCovers({ logId, cut }, pointer, generation);
  const between = others.filter((number) => number > (live ?? 0));
  return {
    generation,
    floor: pointer?.floor ?? generation,
    excluded: ascending([...(pointer?.excluded ?? []), ...between]),
    logId,
    cut,
    barrierAtMs,
    publishing: 'on',
    publishedAtMs,
  };
}

/**
 * Goes to a generation that was published before, back or forth, with its own cut and list; publishing pauses, or the next
 * run would undo the move. `movedAtMs` becomes the pointer's `publishedAtMs`: no two moves leave equal rows behind, so that a
 * compare-and-set can't mistake a pointer that came back for one that never moved.
 */
export function moveTo(pointer: LivePointer, target: PublishedGeneration, movedAtMs: number): LivePointer {
  const { generation, excluded, cut, barrierAtMs } = target;
  if (generation < pointer.floor) {
    const message = `Generation ${generation} is below the floor ${pointer.floor} and no longer readable.`;
    throw new ViewsError('TIDEMARK_POINTER_FLOOR', message);
  }
  return {
    generation,
    floor: pointer.floor,
    excluded: ascending(excluded),
    logId: pointer.logId,
    cut,
    barrierAtMs,
    publishing: 'paused',
    publishedAtMs: movedAtMs,
  };
}

/** Raises the floor, which never falls and never passes the live generation. Deleting below it comes after, and later. */
export function raiseFloor(pointer: LivePointer, floor: number): LivePointer {
  assertGeneration(floor);
  if (floor < pointer.floor || floor > pointer.generation) {
    const message = `The floor ${pointer.floor} can't be moved to ${floor} while generation ${pointer.generation} is live.`;
    throw new ViewsError('TIDEMARK_POINTER_FLOOR', message);
  }
  return { ...pointer, floor };
}

export function pause(pointer: LivePointer): LivePointer {
  return { ...pointer, publishing: 'paused' };
}

export function resume(pointer: LivePointer): LivePointer {
  return { ...pointer, publishing: 'on' };
}

type CutOfLog = Pick<LivePointer, 'logId' | 'cut'>;

/** A cut never loses a partition, an offset or an import that the base's cut has: they would be counted nowhere. */
function assertCovers({ logId, cut }: CutOfLog, base: CutOfLog, generation: number): void {
  if (logId !== base.logId) {
    const message = `The cut of generation ${generation} is of log ${logId}, that of its base of log ${base.logId}.`;
    throw new ViewsError('TIDEMARK_POINTER_CUT', message);
  }
  for (const [partition, offset] of base.cut.partitions) {
    const now = cut.partitions.get(partition);
    if (now !== undefined && now >= offset) continue;
    const message = `The cut of generation ${generation} lacks records of partition ${partition} that its base covers.`;
    throw new ViewsError('TIDEMARK_POINTER_CUT', message);
  }
  if (cut.imports < base.cut.imports) {
    throw new ViewsError(
      'TIDEMARK_POINTER_CUT',
      `The cut of generation ${generation} lacks imports that its base covers.`,
    );
  }
}

function assertGeneration(generation: number): void {
  if (!Number.isSafeInteger(generation) || generation < 1)
    throw new RangeError(`${generation} is no generation number.`);
}

function ascending(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

function named(generation: number | null): string {
  return generation === null ? 'no generation' : `generation ${generation}`;
}
