const HOUR_MS = 3_600_000;

/** The longest window a measure may have, in whole days. */
export const MAX_WINDOW_DAYS = 30;

/** A run keeps the hours above its barrier's hour minus this many: enough for `as_of` up to 24 h before the barrier. */
export const KEPT_HOURS = (MAX_WINDOW_DAYS + 2) * 24;

/** How far `as_of` may lie before the generation's barrier, in milliseconds. */
export const AS_OF_BEFORE_BARRIER_MS = 24 * HOUR_MS;

/** The hour since 1970 that a time (UTC ms) falls into. */
export const floorHour = (timeMs: number): number => Math.floor(timeMs / HOUR_MS);

/**
 * Hours above this one are inside a window of `days` that ends at hour `asOfHour`: 'at most `days` whole days ago'.
 * Hours in the future of `asOfHour` are inside too.
 */
export const windowStartHour = (asOfHour: number, days: number): number => asOfHour - (days + 1) * 24;
