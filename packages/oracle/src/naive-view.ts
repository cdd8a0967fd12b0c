import { TidemarkError } from '@tidemark/contracts';
import { type Book, bothBooks, type KeyedSource, settledBook, signedBook } from './customer-book.ts';
import { byCustomer, type HistoryRecord, withoutRepeats } from './history.ts';
import { type Asked, type NaiveMetrics, naiveMetrics } from './naive-metrics.ts';
import { type Barriers, repeatsInWindow } from './repeat-window.ts';

/** The naive recompute of everything given: what a batch view that covers exactly `records` must answer. */
export function naiveRecompute(records: readonly HistoryRecord[], asked: Asked): Map<string, NaiveMetrics> {
  const answers = new Map<string, NaiveMetrics>();
  for (const [customerId, ordered] of byCustomer(records)) {
    answers.set(customerId, naiveMetrics(settledBook(withoutRepeats(ordered)).book, asked));
  }
  return answers;
}

export type NaiveMergedAnswer = {
  readonly metrics: NaiveMetrics;
  /** Sources with keys the prefix saw revised but never made, and rows after the cut: all their fields are provisional. */
  readonly unsettled: readonly KeyedSource[];
};

/** A customer's lines on both sides of a cut: what a merged view is of, at whichever moment it is finished. */
export type NaiveMergedBook = Pick<NaiveMergedAnswer, 'unsettled'> & { readonly book: Book };

/**
 * What a merged view must answer in every field that it does not name provisional: the settled `prefix` and, added to
 * it, the signed rows of `after` as they stand, repeats within the window left out. `prefix` must hold at least the
 * epoch before the cut of each partition, for its ids. Throws `TIDEMARK_ORACLE_IMPORT_AFTER_CUT`.
 *
 * Sums and counts (`total_revenue`, `tickets_30d`, …) are exact. Extremes, distinct counts and dates are those of the
 * values that stand more often than they were taken back, which is all a merged view may say without naming the field:
 * it names one whenever what was taken back might have decided it.
 */
export function naiveMerged(
  prefix: readonly HistoryRecord[],
  after: readonly HistoryRecord[],
  asked: Asked & { readonly barriers: Barriers },
): Map<string, NaiveMergedAnswer> {
  const books = naiveMergedBooks(prefix, after, asked.barriers);
  return new Map([...books].map(([customerId, book]) => [customerId, finishNaively(book, asked)]));
}

/** The first half of `naiveMerged`, for who asks the same at many moments. */
export function naiveMergedBooks(
  prefix: readonly HistoryRecord[],
  after: readonly HistoryRecord[],
  barriers: Barriers,
): Map<string, NaiveMergedBook> {
  if (after.some(({ source }) => source === 'import')) {
    throw new TidemarkError(
      'TIDEMARK_ORACLE_IMPORT_AFTER_CUT',
      'an import is accepted when a cut covers it: give it with the prefix, or leave it out',
    );
  }
  const repeats = repeatsInWindow([...prefix, ...after], barriers);
  const prefixes = byCustomer(prefix);
  const afters = byCustomer(after.filter((record) => !repeats.has(record)));
  const books = new Map<string, NaiveMergedBook>();
  for (const customerId of new Set([...prefixes.keys(), ...afters.keys()])) {
    const { book, unmatched } = settledBook(withoutRepeats(prefixes.get(customerId) ?? []));
    const signed = signedBook(afters.get(customerId) ?? []);
    const rows = { orders: signed.orders, refunds: signed.refunds, support_tickets: signed.tickets };
    books.set(customerId, {
      book: bothBooks(book, signed),
      unsettled: KEYED.filter((source) => unmatched[source] > 0 && rows[source].length > 0),
    });
  }
  return books;
}

/** The second half. */
export const finishNaively = ({ book, unsettled }: NaiveMergedBook, asked: Asked): NaiveMergedAnswer => ({
  metrics: naiveMetrics(book, asked),
  unsettled,
});

const KEYED: readonly KeyedSource[] = ['orders', 'refunds', 'support_tickets'];
