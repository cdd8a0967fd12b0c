export { type Catalog, openCatalog } from './catalog.ts';
export type { Drifts } from './drifts.ts';
export { CatalogError, type CatalogErrorCode } from './error.ts';
export type { ImportEntry, Imports } from './imports.ts';
export type {
  CauseDrift,
  Drift,
  DriftEvent,
  DriftExample,
  DriftFigures,
  DriftPlace,
  MetricDrift,
  Run,
  RunStep,
  StepName,
} from './port.ts';
export type { RunLock } from './run-lock.ts';
export type { BeginRun, Lineage, RunPatch, Runs } from './runs.ts';
export type { Settings } from './settings.ts';
export type { UnknownFields } from './unknown-fields.ts';
