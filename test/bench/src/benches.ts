import { apiBench } from './api-bench.ts';
import type { Bench } from './bench.ts';
import { freshnessBench } from './freshness-bench.ts';
import { importBench } from './import-bench.ts';
import { landBench } from './land-bench.ts';
import { appendBench, readBench } from './log-benches.ts';
import { publishBench, publishChangedBench } from './publish-benches.ts';
import { recomputeBench } from './recompute-bench.ts';
import { recomputePeerBenches } from './recompute-peer-benches.ts';
import { speedBenches } from './speed-benches.ts';

export const BENCHES: readonly Bench[] = [
  appendBench,
  readBench,
  ...speedBenches,
  landBench,
  importBench,
  recomputeBench,
  ...recomputePeerBenches,
  publishBench,
  publishChangedBench,
  apiBench,
  freshnessBench,
];
