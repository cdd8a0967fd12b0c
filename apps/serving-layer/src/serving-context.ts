import type { Catalog } from '@tidemark/catalog';
import type { EventLog } from '@tidemark/log';
import type { Definition } from '@tidemark/metrics';
import type { Clock, Logger } from '@tidemark/runtime';
import type { ViewStore, Views } from '@tidemark/views';
import type { Registry } from 'prom-client';

/** What the serving layer reads of the views. It writes nothing. */
export type ServedViews = Pick<
  Views,
  'pointer' | 'read' | 'scan' | 'touched' | 'positions' | 'candidates' | 'deadLetters' | 'countDeadLetters'
>;

/** Bounds of what one client or one request may cost. */
export type ServingLimits = {
  /** Requests an address may make a minute; 0: as many as it likes. */
  readonly requestsPerMinute: number;
  /** Touched customers that a ranking merges; beyond it no depth is promised. */
  readonly rankedTouched: number;
};

export const DEFAULT_LIMITS: ServingLimits = { requestsPerMinute: 600_000, rankedTouched: 20_000 };

/** What the server is made of. Everything it needs comes in here: it opens nothing and closes nothing of it. */
export type ServingContext = {
  readonly definition: Definition;
  readonly views: ServedViews;
  /** Which definition is served. */
  readonly serving: ViewStore['serving'];
  readonly log: Pick<EventLog, 'bounds' | 'read'>;
  readonly catalog: Pick<Catalog, 'run' | 'runs' | 'drift' | 'drifts'>;
  /** Wall clock: `as_of`, and the age of records. */
  readonly clock: Clock;
  /** Monotonic milliseconds: how long things take and how old shared values are. */
  readonly ticks: () => number;
  readonly logger: Logger;
  readonly registry: Registry;
  /** Whether there is history that only a first generation can show; asked while none is published. See `isReady`. */
  readonly awaitsFirstGeneration: () => Promise<boolean>;
  readonly limits: ServingLimits;
  /**
   * Told that the tables are gone though it is this server's turn: its definition was made anew, and only a process that
   * begins anew has what there is now.
   */
  readonly outlived: (error: unknown) => void;
  /** How long the server stays ready after another definition was switched to. */
  readonly handOverMs: number;
  /** Aborted when the server will close: from then on it is not ready, and every answer is the last on its connection. */
  readonly stopping: AbortSignal;
};
