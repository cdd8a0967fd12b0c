import type { Catalog } from '@tidemark/catalog';
import type { Engine } from '@tidemark/engine';
import type { Lake } from '@tidemark/lake';
import type { EventLog } from '@tidemark/log';
import type { Definition } from '@tidemark/metrics';
import type { Clock } from '@tidemark/runtime';
import type { ViewStore, Views } from '@tidemark/views';

/** What a run reads and writes. */
export type BatchContext = {
  readonly definition: Definition;
  readonly log: EventLog;
  readonly store: ViewStore;
  readonly views: Views;
  readonly lake: Lake;
  readonly engine: Engine;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly settings: BatchSettings;
  /** Told what a run does, as it does it. */
  readonly progress: (progress: Progress) => void;
};

export type BatchSettings = {
  /** Least time between two barriers; a run waits for it. */
  readonly barrierDistanceMs: number;
  /** Time between raising the floor and deleting what is below it. */
  readonly floorGraceMs: number;
  /** Generations kept readable. */
  readonly generations: number;
  /** Files of expanded rows that are merged once there are so many. */
  readonly mergeAtFiles: number;
};

export type Progress = {
  readonly generation: number;
  readonly step: string;
  readonly detail: string;
  /** How far, where it can be counted. */
  readonly done?: number;
  readonly total?: number;
};
