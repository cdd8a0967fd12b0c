export { type Barrier, barrierOf, barrierRecord, hasBarrierHeader } from './barrier.ts';
export { LogError, type LogErrorCode } from './error.ts';
export { fingerprint } from './fingerprint.ts';
export { createPartitioner, partitionOfKey } from './partitioner.ts';
export type {
  Append,
  Appended,
  Bounds,
  Consumer,
  EventLog,
  Lease,
  LogRecord,
  PartitionHandler,
  ReadOptions,
  ReadResult,
} from './port.ts';
export { checkRecord, MAX_RECORD_BYTES } from './record-limit.ts';
export { speedLayerGroup } from './speed-layer-group.ts';
