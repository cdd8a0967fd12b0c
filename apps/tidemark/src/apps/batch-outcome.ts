import { z } from 'zod';
import { count } from '../console/quantity.ts';

/** The steps of a run, in their order, as its progress names them. */
export const RUN_STEPS = ['barrier', 'land', 'recompute', 'validate', 'publish', 'drift', 'clean'];

/** What the batch layer prints of a run. */
export const outcomeSchema = z.object({
  generation: z.int(),
  status: z.enum(['published', 'kept', 'rejected']),
  resumed: z.boolean(),
  reason: z.string().nullable(),
  customers: z.int(),
  rowsWritten: z.int(),
  missing: z.int(),
  drifts: z.array(z.object({ generation: z.int(), differing: z.int(), causes: z.record(z.string(), z.int()) })),
  durationMs: z.number(),
});

/** What to tell of records that were lost, and that a run went on without. */
export const missingText = (missing: number): string =>
  `Missing: ${count(missing)} ${missing === 1 ? 'record' : 'records'} at most, which the log forgot before they were landed.`;
