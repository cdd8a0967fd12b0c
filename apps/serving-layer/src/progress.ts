import type { Bounds } from '@tidemark/log';
import type { Position } from '@tidemark/views';
import { offsetsByPartition } from './pins.ts';
import type { ServingContext } from './serving-context.ts';
import { type Fetched, SharedValue } from './shared-value.ts';

/** How far the speed layer has come, as answers say it. */
export type Progress = {
  readonly positions: ReadonlyMap<number, Position>;
  /** The last record taken in, by partition. */
  readonly offsets: Record<string, string>;
  /** Log time of the oldest record not yet folded (UTC ms): null when all are, 'unknown' when the log can't be asked. */
  readonly oldestUnfoldedMs: number | null | 'unknown';
};

const MAX_AGE_MS = 100;
/** How long an answer waits for the log, which it needs for its staleness only. */
const LOG_TIMEOUT_MS = 300;

type Source = Pick<ServingContext, 'views' | 'log' | 'clock' | 'ticks'>;

/**
 * Positions and staleness, shared by all reads of a tenth of a second. Positions that are older than the rows read after them
 * are right: the rows hold every record up to them, and may hold more.
 */
export class ProgressReader {
  readonly #source: Source;
  readonly #shared: SharedValue<Progress>;
  /** The question the log has not answered yet: while it is open no other is put. */
  #askingLog: Promise<number | null | 'unknown'> | null = null;
  /** Timestamps of first unfolded records: a record at an offset never changes. */
  readonly #firstUnfolded = new Map<number, { readonly from: bigint; readonly timestampMs: number }>();

  constructor(source: Source) {
    this.#source = source;
    this.#shared = new SharedValue({
      fetch: () => this.#fetch(),
      ticks: source.ticks,
      refreshAfterMs: MAX_AGE_MS / 2,
      maxAgeMs: MAX_AGE_MS,
    });
  }

  get(): Fetched<Progress> | Promise<Fetched<Progress>> {
    return this.#shared.get();
  }

  /** Age of the oldest record not yet folded, in milliseconds; 0 when level, null when the log can't be asked. */
  stalenessMs({ oldestUnfoldedMs }: Progress): number | null {
    if (oldestUnfoldedMs === 'unknown') return null;
    return oldestUnfoldedMs === null ? 0 : Math.max(0, this.#source.clock.now() - oldestUnfoldedMs);
  }

  async #fetch(): Promise<Progress> {
    const positions = await this.#source.views.positions();
    const offsets = offsetsByPartition(new Map([...positions].map(([partition, { offset }]) => [partition, offset])));
    return { positions, offsets, oldestUnfoldedMs: await this.#askLog(positions) };
  }

  /** A log that is down or hangs makes the staleness unknown, never an answer late or an error. */
  async #askLog(positions: ReadonlyMap<number, Position>): Promise<number | null | 'unknown'> {
    if (this.#askingLog !== null) return 'unknown';
    const asking = this.#oldestUnfolded(positions)
      .catch(() => 'unknown' as const)
      .finally(() => {
        this.#askingLog = null;
      });
    this.#askingLog = asking;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'unknown'>((resolve) => {
      timer = setTimeout(() => resolve('unknown'), LOG_TIMEOUT_MS);
    });
    try {
      return await Promise.race([asking, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #oldestUnfolded(positions: ReadonlyMap<number, Position>): Promise<number | null> {
    const behind: Promise<number | null>[] = [];
    for (const [partition, bounds] of await this.#source.log.bounds()) {
      const position = positions.get(partition);
      const from = firstUnfolded(position, bounds);
      if (from < bounds.end) behind.push(this.#timestamp(partition, from));
    }
    const times = (await Promise.all(behind)).filter((timeMs) => timeMs !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  async #timestamp(partition: number, from: bigint): Promise<number | null> {
    const known = this.#firstUnfolded.get(partition);
    if (known?.from === from) return known.timestampMs;
    const { records } = await this.#source.log.read(partition, from, { maxRecords: 1, waitMs: 0 });
    // Offsets may have gaps: behind the position there may be none.
    const timestampMs = records[0]?.timestampMs;
    if (timestampMs === undefined) return null;
    this.#firstUnfolded.set(partition, { from, timestampMs });
    return timestampMs;
  }
}

/** Where unfolded records would begin. Retention may have run past a position: what is left still counts. */
function firstUnfolded(position: Position | undefined, { start }: Bounds): bigint {
  const next = position === undefined ? start : position.offset + 1n;
  return next > start ? next : start;
}
