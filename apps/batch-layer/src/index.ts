export type { BatchContext, BatchSettings, Progress } from './batch-context.ts';
export { type RunOutcome, runBatch } from './batch-run.ts';
export { measureDrift } from './drift/measure.ts';
export { BatchError, type BatchErrorCode } from './error.ts';
export { type GenerationRow, listGenerations, resumePublishing, rollback } from './generations.ts';
export { rebuild } from './rebuild.ts';
export { dropDefinition } from './retire.ts';
export type { DriftSummary } from './steps/drift.ts';
