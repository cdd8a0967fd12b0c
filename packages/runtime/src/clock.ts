/** Wall-clock time as a dependency, so that a test or a simulation can say what time it is. */
export type Clock = {
  /** UTC milliseconds since 1970. */
  readonly now: () => number;
};

export const systemClock: Clock = { now: () => Date.now() };

export type ManualClock = Clock & {
  readonly set: (nowMs: number) => void;
  readonly advance: (ms: number) => void;
};

/** A clock that stands still until it is moved; it may be set back, as real ones are. */
export function manualClock(startMs = 0): ManualClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    set: (toMs) => {
      nowMs = toMs;
    },
    advance: (ms) => {
      nowMs += ms;
    },
  };
}
