import { apiBench } from './api-bench.ts';
import { apiLatencyBench } from './api-latency-bench.ts';
import type { Bench } from './bench.ts';
import { catchUpBench } from './catch-up-bench.ts';
import { freshnessBench } from './freshness-bench.ts';
import { generationSwitchBench } from './generation-switch-bench.ts';
import { importBench } from './import-bench.ts';
import { landBench } from './land-bench.ts';
import { appendBench, readBench } from './log-benches.ts';
import { historyMemoryBench, speedMemoryBench } from './memory-benches.ts';
import { mixedLoadBench } from './mixed-load-bench.ts';
import { publishBench, publishChangedBench } from './publish-benches.ts';
import { recomputeBench } from './recompute-bench.ts';
import { recomputeLinearBench } from './recompute-linear-bench.ts';
import { recomputePeerBenches } from './recompute-peer-benches.ts';
import { speedBenches } from './speed-benches.ts';
import { speedStreamsBenches } from './speed-streams-benches.ts';
import { steadyStreamsBench } from './steady-streams-bench.ts';

const BENCHES: readonly Bench[] = [
  appendBench,
  readBench,
  ...speedBenches,
  ...speedStreamsBenches,
  steadyStreamsBench,
  landBench,
  importBench,
  recomputeBench,
  recomputeLinearBench,
  ...recomputePeerBenches,
  publishBench,
  publishChangedBench,
  apiBench,
  apiLatencyBench,
  mixedLoadBench,
  freshnessBench,
  catchUpBench,
  generationSwitchBench,
  speedMemoryBench,
  historyMemoryBench,
];

/** Those that say something of the embedded stores, or of Kafka and Cassandra, on this machine. */
export const benchesOn = (servers: boolean): readonly Bench[] =>
  BENCHES.filter(
    ({ embeddedOnly = false, serversOnly = false, linuxOnly = false }) =>
      !(servers ? embeddedOnly : serversOnly) && !(linuxOnly && process.platform !== 'linux'),
  );
