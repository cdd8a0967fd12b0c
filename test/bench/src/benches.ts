import type { Bench } from './bench.ts';
import { logBench } from './log-bench.ts';
import { publishBench } from './publish-bench.ts';
import { recomputeBench } from './recompute-bench.ts';
import { speedBench } from './speed-bench.ts';

export const BENCHES: readonly Bench[] = [logBench, speedBench, recomputeBench, publishBench];
