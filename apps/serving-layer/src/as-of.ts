import { formatTime } from '@tidemark/contracts';
import { AS_OF_BEFORE_BARRIER_MS } from '@tidemark/metrics';
import type { Pin } from './pins.ts';
import { ApiProblem } from './problem.ts';

/**
 * The moment an answer speaks of, UTC milliseconds: the one asked for, else now. Earlier than 24 h before the barrier hours
 * may be missing from the windows, so it is refused; a server whose clock is so far behind answers as of the earliest moment.
 */
export function asOfUnder(pin: Pick<Pin, 'barrierAtMs'>, asked: number | undefined, nowMs: number): number {
  if (pin.barrierAtMs === null) return asked ?? nowMs;
  const earliest = pin.barrierAtMs - AS_OF_BEFORE_BARRIER_MS;
  if (asked === undefined) return Math.max(nowMs, earliest);
  if (asked >= earliest) return asked;
  throw new ApiProblem(
    'TIDEMARK_API_AS_OF_TOO_EARLY',
    `This generation answers as of ${formatTime(earliest)} or later.`,
  );
}
