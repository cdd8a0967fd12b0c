import { expect } from 'vitest';
import type { EventLog } from '../port.ts';

/** Something an adapter can do, or why it can't. */
export type Declared = { readonly has: true } | { readonly has: false; readonly reason: string };

/** In what an adapter may differ. Everything else of the port is promised by all. */
export type LogCapabilities = {
  /** Offsets of a partition are 0, 1, 2, … Without it they only rise. */
  readonly gaplessOffsets: Declared;
  /** How long things may take, in milliseconds. */
  readonly within: {
    /** From an append to a waiting read's answer. */
    readonly wakeMs: number;
    /** From a member's death to another's first record from its partition. */
    readonly takeoverMs: number;
    /** From a member's `stop` to another's holding what it had. */
    readonly handoverMs: number;
    /** From growth to a member's holding the new partition. */
    readonly growMs: number;
  };
};

/** One log, made for one test: topic with four partitions, nothing in it. */
export type LogUnderTest = {
  /** Opens it as one more process would. The suite closes it. */
  open(): Promise<EventLog>;
  /** As `open`, with a way to cut it off from the log without a word, as a kill -9 of its machine does. */
  openMortal(): Promise<{ readonly log: EventLog; die(): Promise<void> }>;
  remove(): Promise<void>;
};

export const PARTITIONS = 4;

const TOO_LONG = 'longer than the adapter says';

/** Fails when more milliseconds than one of `within` have passed since a moment of `performance.now()`. */
export function tookAtMost(ms: number, sinceMs: number): void {
  expect(performance.now() - sinceMs, TOO_LONG).toBeLessThan(ms);
}

/** Of tests with `tookAtMost`: a busy machine may take as long by itself now and then. Whatever else fails, fails. */
export const MAY_BE_BUSY = { retry: { count: 3, condition: new RegExp(TOO_LONG) } };
