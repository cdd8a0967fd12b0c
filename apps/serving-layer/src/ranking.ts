import {
  type ColumnValue,
  mergeView,
  RANK_LIST_LENGTH,
  rankListName,
  rankScore,
  UNRANKED_SCORE,
} from '@tidemark/metrics';
import { byRank, type Candidate, type CustomerRows } from '@tidemark/views';
import { statesOf } from './customer-reader.ts';
import type { Pin } from './pins.ts';
import type { ServingContext } from './serving-context.ts';

/** The metric that says who is at risk. */
export const AT_RISK = 'at_risk';
const READ_PAGE = 500;

/** What customers are ranked by: a ranked metric, among all or among those at risk. */
export type RankingQuery = { readonly sort: string; readonly atRisk: boolean };

export type RankedCustomer = Candidate & {
  readonly rows: CustomerRows;
  readonly states: readonly (readonly ColumnValue[])[];
};

export type Ranking = {
  /** Best first: score descending, then customer id ascending by UTF-8 bytes. */
  readonly customers: readonly RankedCustomer[];
  /** So many from the top stand where they belong; null: all do. */
  readonly exactToDepth: number | null;
};

type Source = Pick<ServingContext, 'definition' | 'views' | 'limits'>;

/**
 * Ranks the generation's candidates and everyone touched since its cut, each merged at `asOfMs`. A customer who is neither
 * has no delta, and stood behind the list's last candidate at the earliest moment the generation answers for; as time goes
 * on windows only lose rows, so he stands behind it still. Entries up to that candidate's place are therefore exact.
 *
 * With more touched customers than `limits.rankedTouched` the rest is left out, and no depth is promised.
 */
export async function rank(
  source: Source,
  pin: Pin,
  query: RankingQuery,
  asOfMs: number,
  listLength = RANK_LIST_LENGTH,
): Promise<Ranking> {
  const { views, limits } = source;
  const list = rankListName(query.sort, query.atRisk ? AT_RISK : null);
  const candidates = pin.generation === null ? [] : await views.candidates(pin.generation, list, listLength);
  const ids = new Set(candidates.map(({ customerId }) => customerId));
  let isWhole = true;
  let touched = 0;
  for await (const page of views.touched(pin.slice)) {
    touched += page.length;
    for (const id of page) ids.add(id);
    if (touched <= limits.rankedTouched) continue;
    isWhole = false;
    break;
  }
  const customers = await readRanked(source, pin, query, [...ids], asOfMs);
  const bound = candidates.length < listLength ? undefined : candidates.at(-1);
  return { customers, exactToDepth: isWhole ? exactDepth(customers, bound) : 0 };
}

async function readRanked(
  { definition, views }: Source,
  pin: Pin,
  { sort, atRisk }: RankingQuery,
  ids: readonly string[],
  asOfMs: number,
): Promise<readonly RankedCustomer[]> {
  const customers: RankedCustomer[] = [];
  for (let at = 0; at < ids.length; at += READ_PAGE) {
    for (const rows of await views.read(ids.slice(at, at + READ_PAGE), pin.lineage, pin.slice)) {
      const states = statesOf(rows);
      if (states.length === 0) continue;
      if (atRisk && mergeView(definition, states, asOfMs).metrics[AT_RISK] !== true) continue;
      const { score } = rankScore(definition, states, sort, asOfMs);
      // Without a value a customer is not ranked, but who is at risk stays on that list, behind all others.
      if (score === null && !atRisk) continue;
      customers.push({ customerId: rows.customerId, score: score ?? UNRANKED_SCORE, rows, states });
    }
  }
  return customers.sort(byRank);
}

/** How many entries stand at or before the place of the list's last candidate; null when the list is complete. */
function exactDepth(customers: readonly Candidate[], bound: Candidate | undefined): number | null {
  if (bound === undefined) return null;
  const depth = customers.findIndex((entry) => byRank(entry, bound) > 0);
  return depth === -1 ? customers.length : depth;
}
