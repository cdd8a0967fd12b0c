import { channel } from 'node:diagnostics_channel';

/**
 * The moments between two writes that a process may die at and leave one without the other. Each is the first of its two:
 * what is named has been done, and nothing after it. Tests of faults try every one of them.
 */
export const MOMENTS = [
  'barrier: number frozen',
  'barrier: appended',
  'land: files put',
  'land: events filed',
  'land: range filed',
  'recompute: snapshot put',
  'publish: begun',
  'publish: page written',
  'publish: rows written',
  'publish: candidates written',
  'publish: pointer moved',
  'publish: recorded',
  'drift: measured',
  'clean: batch rows deleted',
  'clean: delta rows deleted',
  'clean: deltas deleted',
  'clean: snapshots removed',
  'clean: floor moved',
  'clean: rows merged',
  'import: files put',
  'import: events filed',
  'import: filed',
  'switch: ready',
  'switch: served',
  'fold: assigned',
  'fold: folded',
  'fold: touched markers written',
  'fold: rows written',
  'fold: dead letters written',
  'fold: position written',
] as const;

export type Moment = (typeof MOMENTS)[number];

const moments = channel('tidemark:moment');

/** Says that a moment has come to whoever listens in this process; nobody does but in tests, and then nothing happens. */
export function reached(moment: Moment): void {
  moments.publish(moment);
}
