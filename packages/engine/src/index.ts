export { fromRecordBatch, type StateRow, toRecordBatch } from './arrow-column.ts';
export { EngineError, type EngineErrorCode } from './error.ts';
export type {
  Engine,
  HistoryRequest,
  HistoryRow,
  Inspection,
  RankedCustomer,
  Rankings,
  RecomputeRequest,
  RecomputeResult,
  RowFile,
} from './port.ts';
