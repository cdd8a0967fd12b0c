export type { Aggregate, Finished, FinishedValue } from './aggregate.ts';
export type { Column, ColumnType, ColumnValue } from './column.ts';
export {
  comparePlaces,
  consolidate,
  type EventIdentity,
  type HistoryPlace,
  type Occurrence,
  stateOfStandings,
  withoutRepeats,
} from './consolidate.ts';
export { CUSTOMER_METRICS } from './customer-metrics.ts';
export { CUSTOMER_REGISTRY, type Definition, define, type Registry } from './definition.ts';
export {
  DRIFT_CAUSES,
  type DriftCause,
  type DriftHistory,
  type Explanation,
  explainDrift,
  sameValue,
} from './drift/cause.ts';
export type { SqlInteger } from './expression.ts';
export { type Delta, emptyDelta, type FoldOutcome, foldChange, foldRecord, mergeStates, zeroState } from './fold.ts';
export { eventIdHash, IdWindow, REPEAT_CAP } from './id-window.ts';
export { type MergedView, type MetricValue, mergeView, rankScore } from './merged-view.ts';
export type { Metric, Unit } from './metric.ts';
export type { Field, FieldType, FieldValue, Row, Source } from './source.ts';
export { type Change, type ChangeKind, expand, SOURCES } from './sources.ts';
export { DUCKDB_TYPES } from './sql/column-sql.ts';
export { historySql } from './sql/history.ts';
export { RANK_LIST_LENGTH, type RankList, rankListName, rankLists, rankSql, UNRANKED_SCORE } from './sql/rank.ts';
export { recomputeSql } from './sql/recompute.ts';
export { ENVELOPE_COLUMNS, ORDER_COLUMNS, presenceColumn, type RowColumn, rowColumns } from './sql/row-columns.ts';
export type { State } from './state.ts';
export { AS_OF_BEFORE_BARRIER_MS, floorHour, KEPT_HOURS } from './window.ts';
