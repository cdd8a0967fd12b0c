import type { Bounds } from '@tidemark/log';
import { type MergedView, mergeView } from '@tidemark/metrics';
import {
  finishNaively,
  type HistoryRecord,
  type NaiveMergedBook,
  naiveMergedBooks,
  naiveRecompute,
} from '@tidemark/oracle';
import type { Clock } from '@tidemark/runtime';
import { type CustomerRows, type Cut, type LivePointer, pinned } from '@tidemark/views';
import type { Mirror } from './mirror.ts';
import { CUSTOMERS, DEFINITION, type World } from './world.ts';

/** How a reader stood when it read: what made the moment a hard one. */
export type ReadMoment = { readonly unflushed: boolean; readonly halfBarrier: boolean; readonly movedPointer: boolean };

/** A pointer as a reader fetched it. */
export type Pin = { readonly pointer: LivePointer | null; readonly fetchedAtMs: number };

/** An answer about some customers, as far as the law speaks of it. */
export type Answer = {
  /** What its generation covers; null before the first. */
  readonly cut: Cut | null;
  /** The last record taken in, by partition. */
  readonly positions: ReadonlyMap<number, bigint>;
  readonly asOfMs: number;
  readonly customers: readonly CustomerAnswer[];
};

export type CustomerAnswer = {
  readonly customerId: string;
  /** Null: there is no such customer. */
  readonly view: MergedView | null;
  readonly deltas: readonly { readonly partition: number; readonly lastOffset: bigint }[];
};

/** A reader that took longer than this since it fetched its pointer looks at the floor again. */
const RECHECK_MS = 10_000;

/** Reads every customer through the views' port. Answers null when the reader's generation is no longer readable. */
export async function readLaw(world: World, pin: Pin): Promise<ReadMoment | null> {
  const { views, clock, mirror } = world;
  const current = await views.pointer();
  if (clock.now() - pin.fetchedAtMs > RECHECK_MS && pin.pointer && (current?.floor ?? 0) > pin.pointer.generation)
    return null;

  const { lineage, slice } = pinned(pin.pointer);
  const positions = new Map([...(await views.positions())].map(([partition, { offset }]) => [partition, offset]));
  const rows = await views.read(CUSTOMERS, lineage, slice);
  const asOfMs = clock.now();
  const customers = rows.map((row) => ({
    customerId: row.customerId,
    view: answerOf(row, asOfMs),
    deltas: row.deltas,
  }));
  holdToLaw(mirror, { cut: pin.pointer?.cut ?? null, positions, asOfMs, customers });
  return {
    unflushed: world.workers.pending > 0,
    halfBarrier: mirror.halfBarrier,
    movedPointer:
      pin.pointer !== null && (current?.generation !== pin.pointer.generation || current.publishing === 'paused'),
  };
}

/**
 * The merge law, for one answer: every field that it does not call provisional equals the settled prefix of the answer's
 * cut plus the signed rows after it, up to the positions that the answer names.
 */
export function holdToLaw(mirror: Mirror, { cut, positions, asOfMs, customers }: Answer): void {
  const barrierIn = (partition: number) => cut?.partitions.get(partition) ?? 0n;
  for (const { customerId, view, deltas } of customers) {
    const imports = mirror.importedUpTo(cut?.imports ?? 0, customerId);
    const bounds = boundsOf(deltas, positions);
    const prefix = mirror.accepted((partition, offset) => offset < barrierIn(partition), customerId);
    const after = mirror.accepted(
      (partition, offset) => offset >= barrierIn(partition) && offset <= (bounds.get(partition) ?? -1n),
      customerId,
    );
    const book = bookOf(mirror, customerId, [...imports, ...prefix], after);
    const wanted = book && finishNaively(book, { asOfMs, currency: DEFINITION.currency });
    if (!view || !wanted) {
      if (view || wanted) throw new Error(`${customerId}: answered ${Boolean(view)}, wanted ${Boolean(wanted)}`);
      continue;
    }
    compare(customerId, view.metrics, wanted.metrics, new Set(view.provisional));
  }
}

/** What was last worked out of each customer: the same records are asked about again at many moments. */
const lastBooks = new WeakMap<Mirror, Map<string, KnownBook>>();
type KnownBook = {
  readonly prefix: readonly HistoryRecord[];
  readonly after: readonly HistoryRecord[];
  readonly book: NaiveMergedBook | undefined;
};

function bookOf(
  mirror: Mirror,
  customerId: string,
  prefix: readonly HistoryRecord[],
  after: readonly HistoryRecord[],
): NaiveMergedBook | undefined {
  const ofMirror = lastBooks.get(mirror) ?? new Map<string, KnownBook>();
  lastBooks.set(mirror, ofMirror);
  const last = ofMirror.get(customerId);
  // A record has its epoch in it, and in their epochs they are as far apart as ever.
  if (last && areSame(last.prefix, prefix) && areSame(last.after, after)) return last.book;
  const book = naiveMergedBooks(prefix, after, mirror.barriers()).get(customerId);
  ofMirror.set(customerId, { prefix, after, book });
  return book;
}

const areSame = (some: readonly HistoryRecord[], others: readonly HistoryRecord[]): boolean =>
  some.length === others.length && some.every((record, at) => record === others[at]);

/** What the law at quiet looks at. */
export type Quiet = Pick<World, 'views' | 'mirror'> & {
  readonly clock: Clock;
  /** What the log still has: a definition that was filled has no dead letters of what was forgotten. Absent: all of them. */
  readonly inLog?: ReadonlyMap<number, Bounds>;
};

/** At quiet, after a run: every customer equals the naive recompute of everything, and nothing is provisional. */
export async function quietLaw({ views, clock, mirror, inLog }: Quiet): Promise<void> {
  const { lineage, slice } = pinned(await views.pointer());
  const everything = [...mirror.importedUpTo(Number.MAX_SAFE_INTEGER), ...mirror.accepted(() => true)];
  const wanted = naiveRecompute(everything, { asOfMs: clock.now(), currency: DEFINITION.currency });
  for (const customer of await views.read(CUSTOMERS, lineage, slice)) {
    const answer = answerOf(customer, clock.now());
    const naive = wanted.get(customer.customerId);
    if (!answer || !naive) {
      if (answer || naive) throw new Error(`${customer.customerId} is ${answer ? 'answered' : 'missing'}`);
      continue;
    }
    if (answer.provisional.length > 0)
      throw new Error(`${customer.customerId}: still provisional at quiet: ${answer.provisional}`);
    compare(customer.customerId, answer.metrics, naive, new Set());
  }
  const letters = await views.deadLetters({ after: null, limit: 10_000 });
  const kept = letters.map(({ partition, offset }) => `${partition}:${offset}`).sort();
  const isKept = new Set(kept);
  const rejected = mirror.rejected().filter((place) => isKept.has(place) || isInLog(place, inLog));
  if (JSON.stringify(kept) !== JSON.stringify(rejected))
    throw new Error(`dead letters at ${kept}, but rejected were ${rejected}`);
}

function isInLog(place: string, inLog: Quiet['inLog']): boolean {
  const [partition, offset] = place.split(':');
  return BigInt(offset ?? 0) >= (inLog?.get(Number(partition))?.start ?? 0n);
}

/** Offsets, inclusive, up to which an answer has everything: positions, and what its deltas say is in them beyond. */
function boundsOf(
  deltas: CustomerAnswer['deltas'],
  positions: ReadonlyMap<number, bigint>,
): ReadonlyMap<number, bigint> {
  const bounds = new Map(positions);
  for (const { partition, lastOffset } of deltas) {
    if (lastOffset > (bounds.get(partition) ?? -1n)) bounds.set(partition, lastOffset);
  }
  return bounds;
}

function answerOf({ batch, deltas }: CustomerRows, asOfMs: number) {
  const states = [...(batch?.state ? [batch.state] : []), ...deltas.map(({ state }) => state)];
  return states.length > 0 ? mergeView(DEFINITION, states, asOfMs) : null;
}

function compare(customerId: string, answer: object, wanted: object, provisional: ReadonlySet<string>): void {
  const fields = new Map(Object.entries(answer));
  for (const [metric, value] of Object.entries(wanted)) {
    const answered = fields.get(metric);
    if (answered === value || provisional.has(metric) || sorted(answered) === sorted(value)) continue;
    throw new Error(`${customerId}.${metric}: answered ${sorted(answered)}, wanted ${sorted(value)}`);
  }
}

const sorted = (value: unknown): string =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : JSON.stringify(value);
