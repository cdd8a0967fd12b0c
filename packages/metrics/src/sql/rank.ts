import type { Definition } from '../definition.ts';
import { floorHour } from '../window.ts';

/** A list of customers that is kept ready at publish: those ranked by a metric, and those at risk. */
export type RankList = {
  /** The ranked metric's name, or the flag's. */
  readonly name: string;
  /** SQL over a snapshot of states: who belongs to the list. */
  readonly condition: string;
  /** SQL over a snapshot of states: the score, a HUGEINT; higher comes first. */
  readonly score: string;
};

/** Customers on a flag's list without a value to order them by stand behind all others. */
export const UNRANKED_SCORE = -1n;

/** Customers that a generation keeps on each list at most, best first; a shorter list is complete. */
export const RANK_LIST_LENGTH = 2_000;

/** The metric that orders a flag's list. */
export const FLAG_ORDER = 'estimated_clv';

/**
 * The lists a definition keeps, as they stand at `asOfMs`. Windows only lose rows as time goes on, so with the earliest
 * `as_of` that a generation answers, no customer outside a list can later belong before its last one unless touched.
 */
export function rankLists(definition: Definition, asOfMs: number): readonly RankList[] {
  const score = (name: string) => scoreSql(definition, name, asOfMs);
  return definition.metrics.flatMap((metric): RankList[] => {
    if (metric.ranked)
      return [{ name: metric.name, condition: `${score(metric.name)} IS NOT NULL`, score: score(metric.name) }];
    if (metric.kind !== 'flag') return [];
    const reasons = definition.metrics.find(({ name }) => name === metric.reasons);
    if (reasons?.kind !== 'reasons') throw new TypeError(`${metric.name} is no flag over reasons`);
    const condition = reasons.reasons.map((reason) => `${score(reason.metric)} >= ${reason.atLeast}`).join(' OR ');
    return [
      { name: metric.name, condition: `(${condition})`, score: `coalesce(${score(FLAG_ORDER)}, ${UNRANKED_SCORE})` },
    ];
  });
}

function scoreSql(definition: Definition, name: string, asOfMs: number): string {
  const metric = definition.metrics.find((candidate) => candidate.name === name);
  if (metric?.kind === 'derived')
    return metric.expression.sql((input) => scoreSql(definition, input, asOfMs), String(asOfMs));
  const sql = metric?.kind === 'measured' ? metric.measure.aggregate.scoreSql(name, floorHour(asOfMs)) : null;
  if (sql === null) throw new TypeError(`${name} has no order to rank by`);
  return sql;
}
