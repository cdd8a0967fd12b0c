export type { KeyedSource } from './customer-book.ts';
export type { HistoryRecord } from './history.ts';
export type { Asked, NaiveMetrics } from './naive-metrics.ts';
export {
  finishNaively,
  type NaiveMergedAnswer,
  type NaiveMergedBook,
  naiveMerged,
  naiveMergedBooks,
  naiveRecompute,
} from './naive-view.ts';
export type { Barriers } from './repeat-window.ts';
