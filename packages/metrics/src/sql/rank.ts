import type { Definition } from '../definition.ts';
import type { SqlInteger } from '../expression.ts';
import { floorHour } from '../window.ts';

/** A list of customers that is kept ready at publish: all by a ranked metric, or those with a flag by one. */
export type RankList = {
  readonly name: string;
  /** The ranked metric. */
  readonly sort: string;
  /** The flag that its customers have; null: it is of all. */
  readonly flag: string | null;
};

/** Customers on a flag's list without a value to order them by stand behind all others. */
export const UNRANKED_SCORE = -(10n ** 37n);

/** Customers that a generation keeps on each list at most, best first; a shorter list is complete. */
export const RANK_LIST_LENGTH = 2_000;

/** Raise it when there are other lists, or stores keep them otherwise: one that a generation lacks is taken for complete. */
export const RANK_LISTS_VERSION = 3;

/** What a list is called where candidates are kept. */
export const rankListName = (sort: string, flag: string | null): string =>
  flag === null ? sort : `${flag} by ${sort}`;

/** The lists a definition keeps: each ranked metric over all customers, and over those with each flag. */
export function rankLists({ metrics }: Definition): readonly RankList[] {
  const ranked = metrics.filter((metric) => metric.ranked).map(({ name }) => name);
  const flags = metrics.filter(({ kind }) => kind === 'flag').map(({ name }) => name);
  return [null, ...flags].flatMap((flag) => ranked.map((sort) => ({ name: rankListName(sort, flag), sort, flag })));
}

/**
 * What the lists are made from, as a query of a relation of states: each `customer_id`, of each ranked metric the score, an
 * integer or null, and of each flag whether the customer has it. As they stand at `asOfMs`: windows only lose rows as time
 * goes on, so with the earliest `as_of` that a generation answers, no customer outside a list can later belong before its
 * last one unless touched. Scores are of the type `integer`; one that 64 bits don't hold is an error of DuckDB as a BIGINT.
 */
export function rankSql(definition: Definition, states: string, asOfMs: number, integer: SqlInteger): string {
  // Each once, below what is derived from them: DuckDB would cast and sum them again wherever a formula names them. From 128
  // bits to 64 it divides decimals by their scale, one by one, and from 128 to decimals of 64 it does not.
  const cast = integer === 'BIGINT' ? 'DECIMAL(18, 0)::BIGINT' : integer;
  const measured = new Map<string, string>();
  const score = (name: string): string => {
    const metric = definition.metrics.find((candidate) => candidate.name === name);
    if (metric?.kind === 'derived') return metric.expression.sql(score, String(asOfMs), integer);
    const sql = metric?.kind === 'measured' ? metric.measure.aggregate.scoreSql(name, floorHour(asOfMs)) : null;
    if (sql === null) throw new TypeError(`${name} has no order to rank by`);
    measured.set(name, `(${sql})::${cast}`);
    return name;
  };
  const columns = definition.metrics.flatMap((metric) => {
    const { name } = metric;
    if (metric.ranked) return `(${score(name)})::${integer} AS ${name}`;
    if (metric.kind !== 'flag') return [];
    const reasons = definition.metrics.find((candidate) => candidate.name === metric.reasons);
    if (reasons?.kind !== 'reasons') throw new TypeError(`${name} is no flag over reasons`);
    const holds = reasons.reasons.map((reason) => `${score(reason.metric)} >= ${reason.atLeast}`);
    return `${holds.join(' OR ')} AS ${name}`;
  });
  const inner = [...measured].map(([name, sql]) => `${sql} AS ${name}`);
  return `SELECT ${['customer_id', ...columns].join(', ')} FROM (SELECT ${['customer_id', ...inner].join(', ')} FROM ${states})`;
}
