import type { Definition } from '../definition.ts';
import { floorHour } from '../window.ts';

/** A list of customers that is kept ready at publish: all by a ranked metric, or those with a flag by one. */
export type RankList = {
  readonly name: string;
  /** The ranked metric. */
  readonly sort: string;
  /** The flag that its customers have; null: it is of all. */
  readonly flag: string | null;
  /** SQL over a snapshot of states: who belongs to the list. */
  readonly condition: string;
  /** SQL over a snapshot of states: the score, a HUGEINT; higher comes first. */
  readonly score: string;
};

/** Customers on a flag's list without a value to order them by stand behind all others. */
export const UNRANKED_SCORE = -(10n ** 37n);

/** Customers that a generation keeps on each list at most, best first; a shorter list is complete. */
export const RANK_LIST_LENGTH = 2_000;

/** Raise it when there are other lists: one that a generation does not have is taken for complete. */
export const RANK_LISTS_VERSION = 2;

/** What a list is called where candidates are kept. */
export const rankListName = (sort: string, flag: string | null): string =>
  flag === null ? sort : `${flag} by ${sort}`;

/**
 * The lists a definition keeps, as they stand at `asOfMs`. Windows only lose rows as time goes on, so with the earliest
 * `as_of` that a generation answers, no customer outside a list can later belong before its last one unless touched.
 */
export function rankLists(definition: Definition, asOfMs: number): readonly RankList[] {
  const score = (name: string) => scoreSql(definition, name, asOfMs);
  const ranked = definition.metrics.filter((metric) => metric.ranked).map(({ name }) => name);
  const all = ranked.map(
    (sort): RankList => ({
      name: rankListName(sort, null),
      sort,
      flag: null,
      condition: `${score(sort)} IS NOT NULL`,
      score: score(sort),
    }),
  );
  const flagged = definition.metrics.flatMap((metric): RankList[] => {
    if (metric.kind !== 'flag') return [];
    const reasons = definition.metrics.find(({ name }) => name === metric.reasons);
    if (reasons?.kind !== 'reasons') throw new TypeError(`${metric.name} is no flag over reasons`);
    const has = reasons.reasons.map((reason) => `${score(reason.metric)} >= ${reason.atLeast}`).join(' OR ');
    return ranked.map((sort) => ({
      name: rankListName(sort, metric.name),
      sort,
      flag: metric.name,
      condition: `(${has})`,
      score: `coalesce(${score(sort)}, ${UNRANKED_SCORE})`,
    }));
  });
  return [...all, ...flagged];
}

function scoreSql(definition: Definition, name: string, asOfMs: number): string {
  const metric = definition.metrics.find((candidate) => candidate.name === name);
  if (metric?.kind === 'derived')
    return metric.expression.sql((input) => scoreSql(definition, input, asOfMs), String(asOfMs));
  const sql = metric?.kind === 'measured' ? metric.measure.aggregate.scoreSql(name, floorHour(asOfMs)) : null;
  if (sql === null) throw new TypeError(`${name} has no order to rank by`);
  return sql;
}
